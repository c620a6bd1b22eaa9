import SwiftUI

/// Draws a pose, seen by a camera that moves around it.
struct SkeletonView: View {
    let pose: LiftedPose?

    private static let turn = 0.5 // Radians a second.
    private static let fits = 1.75 // Half of the view's smaller side, in units of the body.
    private static let distance = 6.0 // Distance of the drawing's camera, in units of the body.

    private struct Seen {
        let place: CGPoint
        let away: Double
    }

    var body: some View {
        TimelineView(.animation) { timeline in
            Canvas { context, size in
                guard let pose = pose, pose.valid else { return }
                let angle = SkeletonView.turn * timeline.date.timeIntervalSinceReferenceDate
                draw(pose, angle: angle, context: context, size: size)
            }
        }
        .accessibilityLabel("The lifted pose as a skeleton that turns")
    }

    private func draw(_ pose: LiftedPose, angle: Double, context: GraphicsContext, size: CGSize) {
        let unit = Double(min(size.width, size.height)) / 2 / SkeletonView.fits
        let points = pose.joints.map { seen($0, elevationDeg: pose.elevationDeg ?? 0, angle: angle, unit: unit, size: size) }
        let farFirst = PoseSkeleton.bones.sorted {
            points[$0.child].away + points[$0.parent].away > points[$1.child].away + points[$1.parent].away
        }
        for bone in farFirst {
            var path = Path()
            path.move(to: points[bone.child].place)
            path.addLine(to: points[bone.parent].place)
            let style = StrokeStyle(lineWidth: CGFloat(0.08 * unit), lineCap: .round)
            context.stroke(path, with: .color(colour(bone.side)), style: style)
        }
        if let head = PoseSkeleton.joints.firstIndex(of: PoseSkeleton.head) {
            let radius = CGFloat(0.12 * unit)
            let corner = CGPoint(x: points[head].place.x - radius, y: points[head].place.y - radius)
            let circle = CGRect(origin: corner, size: CGSize(width: 2 * radius, height: 2 * radius))
            context.fill(Path(ellipseIn: circle), with: .color(colour(.middle)))
        }
    }

    /// A joint, with gravity pointing down, turned by `angle`.
    private func seen(_ joint: SIMD3<Float>, elevationDeg: Float, angle: Double, unit: Double, size: CGSize) -> Seen {
        let (x, y, z) = (Double(joint.x), Double(joint.y), Double(joint.z))
        let tilt = Double(elevationDeg) * .pi / 180
        let down = y * cos(tilt) + z * sin(tilt)
        let forward = z * cos(tilt) - y * sin(tilt)
        let right = x * cos(angle) + forward * sin(angle)
        let away = forward * cos(angle) - x * sin(angle)
        let scale = unit * SkeletonView.distance / (SkeletonView.distance + away)
        let place = CGPoint(
            x: Double(size.width) / 2 + scale * right,
            y: 0.46 * Double(size.height) + scale * down
        )
        return Seen(place: place, away: away)
    }

    private func colour(_ side: PoseSkeleton.Side) -> Color {
        switch side {
        case .left: return .blue
        case .right: return .orange
        case .middle: return .gray
        }
    }
}
