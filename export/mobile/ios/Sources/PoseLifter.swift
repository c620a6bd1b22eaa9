import Foundation
import TensorFlowLite

/// A keypoint in pixels, x right, y down.
struct Keypoint {
    let x: Float
    let y: Float
    var confidence: Float = 1
}

/// A pose in the camera's frame: x right, y down, z forward, root at the origin.
struct LiftedPose {
    /// False if too few keypoints were seen; then the joints are 0.
    let valid: Bool
    /// In the order of `PoseSkeleton.joints`; unit scale (about one from root to head), or mm if a length was given.
    let joints: [SIMD3<Float>]
    /// Degrees of the camera above the horizon, positive looking down; nil if the model does not predict it.
    let elevationDeg: Float?
    let milliseconds: Double
}

enum PoseLifterError: Error {
    case modelIsNotInTheApp(String)
    case wrongNumberOfKeypoints(expected: Int, got: Int)
}

/// The model of `PoseSkeleton`, from the app's resources. Only one thread at a time may use it.
final class PoseLifter {
    private let runner: SignatureRunner

    init(bundle: Bundle = .main) throws {
        guard let path = bundle.path(forResource: PoseSkeleton.model, ofType: nil) else {
            throw PoseLifterError.modelIsNotInTheApp(PoseSkeleton.model)
        }
        var options = Interpreter.Options()
        options.threadCount = 1 // More threads are not faster for such small networks.
        let interpreter = try Interpreter(modelPath: path, options: options)
        runner = try interpreter.signatureRunner(with: PoseSkeleton.signature)
    }

    /// Lifts one pose.
    ///
    /// - Parameters:
    ///   - points: in the order of `PoseSkeleton.keypoints`; nil for keypoints that are not seen.
    ///   - rootHeadMm: wanted distance from root to head, mm; 0: unit scale.
    func lift(_ points: [Keypoint?], rootHeadMm: Float = 0) throws -> LiftedPose {
        guard points.count == PoseSkeleton.keypoints.count else {
            throw PoseLifterError.wrongNumberOfKeypoints(expected: PoseSkeleton.keypoints.count, got: points.count)
        }
        let begin = DispatchTime.now().uptimeNanoseconds
        try runner.invoke(with: [
            PoseSkeleton.inputKeypoints: PoseLifter.data(points.flatMap { [$0?.x ?? .nan, $0?.y ?? .nan] }),
            PoseSkeleton.inputConfidence: PoseLifter.data(points.map { $0?.confidence ?? 0 }),
            PoseSkeleton.inputRootHeadMm: PoseLifter.data([rootHeadMm]),
        ])
        let valid = try runner.output(named: PoseSkeleton.outputValid).data.first == 1
        let numbers = PoseLifter.floats(try runner.output(named: PoseSkeleton.outputPoses3d).data)
        let joints = PoseSkeleton.joints.indices.map { joint in
            SIMD3(numbers[3 * joint], numbers[3 * joint + 1], numbers[3 * joint + 2])
        }
        var elevationDeg: Float?
        if valid && PoseSkeleton.hasElevation {
            elevationDeg = PoseLifter.floats(try runner.output(named: PoseSkeleton.outputElevationDeg).data).first
        }
        let milliseconds = Double(DispatchTime.now().uptimeNanoseconds - begin) / 1e6
        return LiftedPose(valid: valid, joints: joints, elevationDeg: elevationDeg, milliseconds: milliseconds)
    }

    private static func data(_ values: [Float]) -> Data {
        values.withUnsafeBufferPointer { Data(buffer: $0) }
    }

    private static func floats(_ data: Data) -> [Float] {
        // The bytes of a short Data may not be aligned for numbers, so they are copied.
        var values = [Float](repeating: 0, count: data.count / MemoryLayout<Float>.size)
        _ = values.withUnsafeMutableBytes { data.copyBytes(to: $0) }
        return values
    }
}
