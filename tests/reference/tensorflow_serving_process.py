"""TensorFlow Serving's own server, for the tests that need it, where it is installed."""

import contextlib
import os
import socket
import subprocess
import time
import urllib.request

SERVER = "tensorflow_model_server"
"""Looked for on the PATH."""

_START_SECONDS = 120.0
_STOP_SECONDS = 20.0


@contextlib.contextmanager
def tensorflow_serving(config, folder):
    """Runs the server while the block lasts.

    Args:
      config: text of a ModelServerConfig with a model `elepose`; it is AVAILABLE when the block begins.
      folder: for the configuration and the log.

    Yields:
      host:port for gRPC and for REST, and the path of the log.
    """
    (folder / "models.config").write_text(config)
    log_path, grpc_port, rest_port = folder / "log", _free_port(), _free_port()
    command = [SERVER, f"--port={grpc_port}", f"--rest_api_port={rest_port}"]
    command.append(f"--model_config_file={folder / 'models.config'}")
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "0"}  # What it warms up is told at this level.
    with log_path.open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment)
        try:
            due = time.monotonic() + _START_SECONDS
            while not _is_available(rest_port):
                if process.poll() is not None or time.monotonic() > due:
                    raise RuntimeError(f"{SERVER} did not start: {log_path.read_text(errors='replace')[-3000:]}")
                time.sleep(0.5)
            yield f"127.0.0.1:{grpc_port}", f"127.0.0.1:{rest_port}", log_path
            if process.poll() is not None:
                raise RuntimeError(f"{SERVER} ended: {log_path.read_text(errors='replace')[-3000:]}")
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _is_available(rest_port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{rest_port}/v1/models/elepose", timeout=5) as response:
            return b"AVAILABLE" in response.read()
    except OSError:
        return False


def _free_port():
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return opened.getsockname()[1]
