import Foundation

/// Frames of keypoints in the model's order, read by the names of their joints:
/// {"joints": ["nose", ...], "frame_rate": 25, "frames": [[[x, y] or [x, y, confidence] or null, ...], ...]}
struct KeypointClip {
    let frameRate: Double
    let frames: [[Keypoint?]]

    private struct Content: Decodable {
        let joints: [String]
        let frame_rate: Double?
        let frames: [[[Float]?]]
    }

    init(contentsOf url: URL) throws {
        let content = try JSONDecoder().decode(Content.self, from: Data(contentsOf: url))
        let places = PoseSkeleton.keypoints.map { content.joints.firstIndex(of: $0) }
        frameRate = content.frame_rate ?? 25
        frames = content.frames.map { frame in
            places.map { place in
                guard let place = place, place < frame.count, let point = frame[place], point.count >= 2 else {
                    return nil
                }
                return Keypoint(x: point[0], y: point[1], confidence: point.count > 2 ? point[2] : 1)
            }
        }
    }
}
