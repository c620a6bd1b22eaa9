plugins {
    id("com.android.application")
    id("org.jetbrains.kotlin.android")
}

val poseAssets: File = rootProject.file(providers.gradleProperty("poseAssets").get())
require(poseAssets.resolve("kotlin/PoseSkeleton.kt").isFile) {
    "$poseAssets: run python -m export.mobile --bundle=BUNDLE --output=$poseAssets first, in the clone of tf_elepose"
}

android {
    namespace = "org.tfelepose.sample"
    compileSdk = 35
    defaultConfig {
        applicationId = "org.tfelepose.sample"
        minSdk = 24
        targetSdk = 35
        versionCode = 1
        versionName = "1.0"
    }
    // The model is mapped into memory from the package, which only works uncompressed.
    androidResources { noCompress += "tflite" }
    sourceSets.getByName("main") {
        assets.srcDir(poseAssets.resolve("model"))
        kotlin.srcDir(poseAssets.resolve("kotlin"))
    }
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }
    kotlinOptions { jvmTarget = "17" }
}

dependencies {
    // Its classes are org.tensorflow.lite.*, as before the runtime was renamed.
    implementation("com.google.ai.edge.litert:litert:1.4.2")
}
