"""A server for the web sample on this machine: python -m export.mobile.serve --assets=DIR [--port=8000]

Serves the page, LiteRT.js from its node_modules and the model that python -m export.mobile wrote to DIR.
"""

from __future__ import annotations

import functools
import http
import http.server
import os
import pathlib

from absl import flags

from tf_elepose.cli import commands

WEB = pathlib.Path(__file__).resolve().parent / "web"

_NEEDED = "@litertjs/core/wasm"


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves the page at /, a model's files at /model/, LiteRT.js at /node_modules/; no lists of folders.

    Browsers compile WebAssembly while it loads only if its type is application/wasm; the two policies allow threads.
    """

    extensions_map = http.server.SimpleHTTPRequestHandler.extensions_map | {
        ".js": "text/javascript",
        ".json": "application/json",
        ".tflite": "application/octet-stream",
        ".wasm": "application/wasm",
    }

    def __init__(self, *arguments, folders: dict[str, pathlib.Path], **options) -> None:
        self._folders = folders
        super().__init__(*arguments, directory=str(folders[""]), **options)

    def translate_path(self, path: str) -> str:
        first, _, rest = path.partition("?")[0].partition("#")[0].lstrip("/").partition("/")
        if first in self._folders:
            self.directory, path = str(self._folders[first]), "/" + rest
        else:
            self.directory = str(self._folders[""])
        return super().translate_path(path)

    def list_directory(self, path):
        del path
        self.send_error(http.HTTPStatus.NOT_FOUND, "File not found")

    def end_headers(self) -> None:
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format: str, *args) -> None:
        """Prints nothing, so that only the address is shown."""


def make_server(
    assets: str | os.PathLike[str],
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    node_modules: str | os.PathLike[str] = WEB / "node_modules",
    handler: type[Handler] = Handler,
) -> http.server.ThreadingHTTPServer:
    """A server that is bound but does not serve yet; port 0 is a free port.

    Raises:
      ValueError: `assets` was not written by python -m export.mobile, or LiteRT.js is not installed.
      OSError: the port is taken.
    """
    model, modules = pathlib.Path(assets) / "model", pathlib.Path(node_modules)
    if not (model / "skeleton.json").is_file():
        raise ValueError(f"{assets}: expected the output of python -m export.mobile; it has no model/skeleton.json")
    if not (modules / _NEEDED).is_dir():
        raise ValueError(f"{modules / _NEEDED}: LiteRT.js is not installed; run npm install once, in {WEB}")
    folders = {"": WEB, "model": model, "node_modules": modules}
    return http.server.ThreadingHTTPServer((host, port), functools.partial(handler, folders=folders))


def define_flags() -> None:
    flags.DEFINE_string("assets", None, "Folder that python -m export.mobile wrote.", required=True)
    flags.DEFINE_string("host", "127.0.0.1", "Address to listen on; 0.0.0.0 also accepts phones on the same network.")
    flags.DEFINE_integer("port", 8000, "Port to listen on.")
    flags.DEFINE_string("node_modules", str(WEB / "node_modules"), "Folder in which npm installed LiteRT.js.")


def main(argv: list[str]) -> int:
    del argv
    options = flags.FLAGS
    server = make_server(options.assets, host=options.host, port=options.port, node_modules=options.node_modules)
    with server:
        print(f"http://{options.host}:{server.server_port}/", flush=True)
        server.serve_forever()
    return 0


if __name__ == "__main__":
    commands.run(main, define_flags)
