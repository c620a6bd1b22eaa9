import SwiftUI

@main
struct PoseSampleApp: App {
    @StateObject private var player = Player()

    var body: some Scene {
        WindowGroup {
            VStack(alignment: .leading) {
                SkeletonView(pose: player.pose)
                Text(player.facts).monospacedDigit()
            }
            .padding()
            .onAppear { player.start() }
            .onDisappear { player.stop() }
        }
    }
}

/// Lifts the demo clip of keypoints, on the main thread, because a lift takes only a fraction of a frame's time.
final class Player: ObservableObject {
    @Published private(set) var pose: LiftedPose?
    @Published private(set) var facts = ""

    private static let timed = 200 // Number of lifts in the median.
    private var timer: Timer?
    private var times: [Double] = []
    private var frame = 0

    func start() {
        guard timer == nil else { return }
        do {
            guard let url = Bundle.main.url(forResource: "demo", withExtension: "json") else {
                throw PoseLifterError.modelIsNotInTheApp("demo.json")
            }
            let clip = try KeypointClip(contentsOf: url)
            let lifter = try PoseLifter()
            timer = Timer.scheduledTimer(withTimeInterval: 1 / clip.frameRate, repeats: true) { [weak self] _ in
                self?.show(clip, lifter)
            }
        } catch {
            facts = "The model does not run here: \(error)"
        }
    }

    func stop() {
        timer?.invalidate()
        timer = nil
    }

    private func show(_ clip: KeypointClip, _ lifter: PoseLifter) {
        do {
            let lifted = try lifter.lift(clip.frames[frame % clip.frames.count])
            frame += 1
            times.append(lifted.milliseconds)
            if times.count > Player.timed { times.removeFirst() }
            pose = lifted
            let median = times.sorted()[times.count / 2]
            let latency = String(format: "%.2f", median)
            facts = "\(description(of: lifted))\nlatency, median: \(latency) ms\n\(PoseSkeleton.model)"
        } catch {
            stop()
            facts = "\(error)"
        }
    }

    private func description(of lifted: LiftedPose) -> String {
        guard lifted.valid else { return "no pose: too few keypoints seen" }
        guard let degrees = lifted.elevationDeg else { return "pose lifted" }
        return String(format: "camera %.1f° above the horizon", degrees)
    }
}
