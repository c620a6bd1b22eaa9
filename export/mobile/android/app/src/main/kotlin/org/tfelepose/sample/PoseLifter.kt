package org.tfelepose.sample

import android.content.res.AssetManager
import java.io.FileInputStream
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.MappedByteBuffer
import java.nio.channels.FileChannel
import org.tensorflow.lite.Interpreter

/**
 * A pose in the camera's frame: x right, y down, z forward, root at the origin.
 *
 * @property valid false if too few keypoints were seen; then the joints are 0.
 * @property joints x, y, z of every joint in the order of PoseSkeleton.JOINTS; unit scale (about one from root to
 *     head), or mm if a length was given.
 * @property elevationDeg degrees of the camera above the horizon, positive looking down; null if the model does not
 *     predict it.
 * @property milliseconds the time of the lift.
 */
class LiftedPose(val valid: Boolean, val joints: FloatArray, val elevationDeg: Float?, val milliseconds: Double)

/** The model of PoseSkeleton, from the app's assets. Only one thread at a time may use it. */
class PoseLifter(assets: AssetManager) : AutoCloseable {
    // One thread: more threads are not faster for such small networks.
    private val interpreter = Interpreter(mapped(assets), Interpreter.Options().setNumThreads(1))

    // Made once, because direct buffers are slow to make and fast to read.
    private val keypoints = direct(2 * PoseSkeleton.KEYPOINTS.size * FLOAT_BYTES)
    private val confidence = direct(PoseSkeleton.KEYPOINTS.size * FLOAT_BYTES)
    private val rootHeadMm = direct(FLOAT_BYTES)
    private val poses = direct(3 * PoseSkeleton.JOINTS.size * FLOAT_BYTES)
    private val elevation = direct(FLOAT_BYTES)
    private val valid = direct(1)

    private val inputs = mapOf<String, Any>(
        PoseSkeleton.INPUT_KEYPOINTS to keypoints,
        PoseSkeleton.INPUT_CONFIDENCE to confidence,
        PoseSkeleton.INPUT_ROOT_HEAD_MM to rootHeadMm
    )
    private val outputs = HashMap<String, Any>().apply {
        put(PoseSkeleton.OUTPUT_POSES_3D, poses)
        put(PoseSkeleton.OUTPUT_VALID, valid)
        if (PoseSkeleton.HAS_ELEVATION) put(PoseSkeleton.OUTPUT_ELEVATION_DEG, elevation)
    }

    /**
     * Lifts one pose.
     *
     * @param points x and y in pixels, x right, y down, of every keypoint in the order of PoseSkeleton.KEYPOINTS; NaN
     *     for keypoints that are not seen.
     * @param trust the detector's confidence in every keypoint; up to PoseSkeleton.MIN_CONFIDENCE it is not seen.
     * @param headMm wanted distance from root to head, mm; 0: unit scale.
     */
    fun lift(points: FloatArray, trust: FloatArray, headMm: Float = 0f): LiftedPose {
        require(points.size == 2 * trust.size && trust.size == PoseSkeleton.KEYPOINTS.size) {
            "expected ${PoseSkeleton.KEYPOINTS.size} keypoints of ${PoseSkeleton.CONVENTION}, two numbers and a " +
                "confidence each; got ${points.size} numbers and ${trust.size} confidences"
        }
        val begin = System.nanoTime()
        for (buffer in listOf(keypoints, confidence, rootHeadMm, poses, elevation, valid)) buffer.rewind()
        keypoints.asFloatBuffer().put(points)
        confidence.asFloatBuffer().put(trust)
        rootHeadMm.putFloat(0, headMm)
        interpreter.runSignature(inputs, outputs, PoseSkeleton.SIGNATURE)
        for (buffer in listOf(poses, elevation, valid)) buffer.rewind()
        val joints = FloatArray(3 * PoseSkeleton.JOINTS.size)
        poses.asFloatBuffer().get(joints)
        val ok = valid.get(0).toInt() == 1
        val degrees = if (PoseSkeleton.HAS_ELEVATION && ok) elevation.getFloat(0) else null
        return LiftedPose(ok, joints, degrees, (System.nanoTime() - begin) / 1e6)
    }

    override fun close() = interpreter.close()

    private companion object {
        const val FLOAT_BYTES = 4

        fun direct(bytes: Int): ByteBuffer = ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder())

        fun mapped(assets: AssetManager): MappedByteBuffer = assets.openFd(PoseSkeleton.MODEL).use { file ->
            FileInputStream(file.fileDescriptor).use { stream ->
                stream.channel.map(FileChannel.MapMode.READ_ONLY, file.startOffset, file.declaredLength)
            }
        }
    }
}
