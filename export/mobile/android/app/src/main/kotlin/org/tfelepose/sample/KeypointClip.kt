package org.tfelepose.sample

import org.json.JSONObject

/**
 * Frames of keypoints in the model's order, read by the names of their joints:
 * {"joints": ["nose", ...], "frame_rate": 25, "frames": [[[x, y] or [x, y, confidence] or null, ...], ...]}
 */
class KeypointClip(text: String) {
    class Frame(val points: FloatArray, val trust: FloatArray)

    val frameRate: Double
    val frames: List<Frame>

    init {
        val values = JSONObject(text)
        val named = values.getJSONArray("joints")
        val place = HashMap<String, Int>()
        for (j in 0 until named.length()) place[named.getString(j)] = j
        require(PoseSkeleton.KEYPOINTS.any { it in place }) { "none of the model's keypoints is in the file" }
        frameRate = values.optDouble("frame_rate", 25.0)
        val rows = values.getJSONArray("frames")
        frames = List(rows.length()) { t ->
            val row = rows.getJSONArray(t)
            val points = FloatArray(2 * PoseSkeleton.KEYPOINTS.size) { Float.NaN }
            val trust = FloatArray(PoseSkeleton.KEYPOINTS.size)
            PoseSkeleton.KEYPOINTS.forEachIndexed { k, joint ->
                val j = place[joint]
                val point = if (j == null) null else row.optJSONArray(j)
                if (point != null) {
                    points[2 * k] = point.getDouble(0).toFloat()
                    points[2 * k + 1] = point.getDouble(1).toFloat()
                    trust[k] = point.optDouble(2, 1.0).toFloat()
                }
            }
            Frame(points, trust)
        }
    }
}
