package org.tfelepose.sample

import android.content.Context
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.Paint
import android.view.View
import kotlin.math.PI
import kotlin.math.cos
import kotlin.math.min
import kotlin.math.sin

/** Draws the latest pose, seen by a camera that moves around it. */
class SkeletonView(context: Context) : View(context) {
    /** The pose to draw, set on the main thread; the view redraws itself all the time, because it turns. */
    var pose: LiftedPose? = null

    private val paint = Paint(Paint.ANTI_ALIAS_FLAG).apply { strokeCap = Paint.Cap.ROUND }
    private val begin = System.nanoTime()

    override fun onDraw(canvas: Canvas) {
        super.onDraw(canvas)
        val lifted = pose
        if (lifted != null && lifted.valid) draw(canvas, lifted)
        postInvalidateOnAnimation()
    }

    private fun draw(canvas: Canvas, lifted: LiftedPose) {
        val angle = TURN * (System.nanoTime() - begin) / 1e9
        val unit = min(width, height) / 2 / FITS
        val points = List(PoseSkeleton.JOINTS.size) { j -> seen(lifted, j, angle) }
        for (bone in PoseSkeleton.BONES.sortedByDescending { points[it.child].away + points[it.parent].away }) {
            val from = points[bone.child]
            val to = points[bone.parent]
            paint.color = colour(bone.side)
            paint.strokeWidth = (0.08 * unit).toFloat()
            canvas.drawLine(across(from, unit), down(from, unit), across(to, unit), down(to, unit), paint)
        }
        val head = points[PoseSkeleton.JOINTS.indexOf(PoseSkeleton.HEAD)]
        paint.color = colour(PoseSkeleton.Side.MIDDLE)
        canvas.drawCircle(across(head, unit), down(head, unit), (0.12 * unit).toFloat(), paint)
    }

    private class Seen(val right: Double, val down: Double, val away: Double)

    /** Joint `j`, with gravity pointing down, turned by `angle`. */
    private fun seen(lifted: LiftedPose, j: Int, angle: Double): Seen {
        val x = lifted.joints[3 * j].toDouble()
        val y = lifted.joints[3 * j + 1].toDouble()
        val z = lifted.joints[3 * j + 2].toDouble()
        val tilt = (lifted.elevationDeg ?: 0f) * PI / 180
        val level = y * cos(tilt) + z * sin(tilt)
        val forward = z * cos(tilt) - y * sin(tilt)
        return Seen(x * cos(angle) + forward * sin(angle), level, forward * cos(angle) - x * sin(angle))
    }

    private fun across(point: Seen, unit: Double) = (width / 2 + unit * point.right * nearer(point)).toFloat()

    private fun down(point: Seen, unit: Double) = (0.46 * height + unit * point.down * nearer(point)).toFloat()

    private fun nearer(point: Seen) = DISTANCE / (DISTANCE + point.away)

    private fun colour(side: PoseSkeleton.Side) = when (side) {
        PoseSkeleton.Side.LEFT -> LEFT
        PoseSkeleton.Side.RIGHT -> RIGHT
        PoseSkeleton.Side.MIDDLE -> MIDDLE
    }

    private companion object {
        const val TURN = 0.5 // Radians a second.
        const val FITS = 1.75 // Half of the view's smaller side, in units of the body.
        const val DISTANCE = 6.0 // Distance of the drawing's camera, in units of the body.
        val LEFT = Color.rgb(61, 142, 222)
        val RIGHT = Color.rgb(235, 112, 40)
        val MIDDLE = Color.rgb(137, 147, 158)
    }
}
