package org.tfelepose.sample

import android.app.Activity
import android.os.Bundle
import android.view.ViewGroup
import android.widget.LinearLayout
import android.widget.TextView
import java.util.ArrayDeque
import java.util.Locale
import java.util.concurrent.Executors
import java.util.concurrent.ScheduledExecutorService
import java.util.concurrent.TimeUnit

/** Lifts the demo clip of keypoints and shows the skeleton and the time of a lift. */
class MainActivity : Activity() {
    private lateinit var skeleton: SkeletonView
    private lateinit var facts: TextView
    private var worker: ScheduledExecutorService? = null

    override fun onCreate(saved: Bundle?) {
        super.onCreate(saved)
        skeleton = SkeletonView(this)
        facts = TextView(this).apply { setPadding(32, 32, 32, 32) }
        val page = LinearLayout(this).apply {
            orientation = LinearLayout.VERTICAL
            fitsSystemWindows = true
            addView(skeleton, LinearLayout.LayoutParams(ViewGroup.LayoutParams.MATCH_PARENT, 0, 1f))
            addView(facts)
        }
        setContentView(page)
    }

    override fun onStart() {
        super.onStart()
        val executor = Executors.newSingleThreadScheduledExecutor()
        worker = executor
        executor.execute { showingErrors { play(executor) } }
    }

    override fun onStop() {
        super.onStop()
        val executor = worker ?: return
        worker = null
        executor.execute { closing() }
        executor.shutdown() // Runs the tasks that it already has, but no further frame.
    }

    private var closing: () -> Unit = {}

    /** Makes the model and plays the clip; the model is made, used and closed on the executor's only thread. */
    private fun play(executor: ScheduledExecutorService) {
        val clip = KeypointClip(assets.open("demo.json").bufferedReader().use { it.readText() })
        val lifter = PoseLifter(assets)
        val times = ArrayDeque<Double>()
        var frame = 0
        val next = Runnable {
            showingErrors {
                val keypoints = clip.frames[frame]
                frame = (frame + 1) % clip.frames.size
                val pose = lifter.lift(keypoints.points, keypoints.trust)
                times.addLast(pose.milliseconds)
                if (times.size > TIMED) times.removeFirst()
                val median = times.sorted()[times.size / 2]
                runOnUiThread { show(pose, median) }
            }
        }
        val ticking = executor.scheduleAtFixedRate(next, 0, (1e6 / clip.frameRate).toLong(), TimeUnit.MICROSECONDS)
        closing = {
            ticking.cancel(false)
            lifter.close()
        }
    }

    /** Shows an error to the user, because an executor would hide it. */
    private fun showingErrors(work: () -> Unit) {
        try {
            work()
        } catch (error: Exception) {
            runOnUiThread { facts.text = "The model does not run here: $error" }
        }
    }

    private fun show(pose: LiftedPose, median: Double) {
        skeleton.pose = pose
        val seen = when {
            !pose.valid -> "no pose: too few keypoints seen"
            pose.elevationDeg == null -> "pose lifted"
            else -> String.format(Locale.ROOT, "camera %.1f° above the horizon", pose.elevationDeg)
        }
        facts.text = String.format(Locale.ROOT, "%s\nlatency, median: %.2f ms\n%s", seen, median, PoseSkeleton.MODEL)
    }

    private companion object {
        const val TIMED = 200 // Number of lifts in the median.
    }
}
