"""`python -m bench.gateway_peers bare|plain [MODEL]`: what the gateway is measured beside."""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import Any

import numpy as np
import onnxruntime as ort
import uvicorn
from fastapi import FastAPI, Request, Response
from pydantic import BaseModel

_ANSWER = b'{"outputs":[{"name":"decision","datatype":"BYTES","shape":[1],"data":["call"]}]}'


class Tensor(BaseModel):
    name: str
    shape: list[int]
    datatype: str
    data: list[Any]


class InferRequest(BaseModel):
    inputs: list[Tensor]


def bare() -> FastAPI:
    app = FastAPI()

    @app.post("/v2/models/bench/infer")
    async def infer(request: Request) -> Response:
        await request.body()
        return Response(_ANSWER, media_type="application/json")

    return app


def plain(model: str) -> FastAPI:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    app = FastAPI()

    @app.post("/v2/models/{model}/infer")
    async def infer(request: InferRequest, model: str) -> dict[str, Any]:
        feed = {
            one.name: np.array(
                one.data, dtype=object if one.datatype == "BYTES" else np.float32
            ).reshape(-1, 1)
            for one in request.inputs
        }
        probability = session.run(None, feed)[0].reshape(-1).astype(float).tolist()
        decision = ["call" if 10 * p > 1 else "skip" for p in probability]
        n = len(decision)
        return {
            "model_name": model,
            "outputs": [
                {"name": "probability", "datatype": "FP64", "shape": [n], "data": probability},
                {"name": "decision", "datatype": "BYTES", "shape": [n], "data": decision},
            ],
        }

    return app


async def serve(app: FastAPI) -> None:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    print(f"ready on http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    await serving


if __name__ == "__main__":
    asyncio.run(serve(bare() if sys.argv[1] == "bare" else plain(sys.argv[2])))
