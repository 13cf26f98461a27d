"""Any server that speaks the OpenAI chat protocol (vLLM, SGLang, llama.cpp, ``transformers serve``) as a model.

Images travel as data URLs. A server resizes them before its model sees them and does not say to what size; where the
model answers in pixels of the resized image, it is therefore sent at a size that the processor leaves as it is
(``prompt.smart_resize`` for the Qwen family, ``input_size_px`` for models with a fixed input), so that the numbers in
the reply can be scaled back to the chip.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from geogrounding.errors import ModelError, SettingsError
from geogrounding.models.base import Conventions
from geogrounding.models.families import UNKNOWN_SERVER, by_name
from geogrounding.models.image_size import QWEN_MAX_PIXELS
from geogrounding.models.openai.client import RequestError, ServerClient
from geogrounding.models.openai.images import ImageSender, SentImage
from geogrounding.models.openai.reply import Reply, read_reply
from geogrounding.models.parsing.answer import clean_reasoning, parse_answer
from geogrounding.models.parsing.problems import Limit, problem_of
from geogrounding.models.prompts import build_prompt, check_usable, choose_form, report_assumption
from geogrounding.types import Answer, BoxOrder, CoordinateConvention, PromptStyle, Question

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

API_KEY_VARIABLES = ("GEOGROUND_API_KEY", "OPENAI_API_KEY")
"""Environment variables that may hold the key, the first that is set counts."""

_TILE_PX = 980
"""The largest square of 28 px steps within the pixel budget of Qwen2.5-VL."""
BUILTIN_INPUT_PX = 336
"""Side of the image that the built-in model sees; its numbers are pixels of it."""
_REFUSED_FIELD_STATUS = (400, 422, 501)


@dataclass(frozen=True, slots=True)
class _Fields:
    """Optional parts of a request, given up one by one when a server refuses them."""

    logprobs: bool = True
    temperature: bool = True
    max_tokens_name: str = "max_tokens"


class OpenAIServer:
    """A vision-language model behind an OpenAI-compatible server; fulfils ``Model``."""

    def __init__(  # noqa: PLR0913 - keyword-only options of the public class
        self,
        base_url: str,
        *,
        model: str | None = None,
        api_key: str | None = None,
        style: PromptStyle | None = None,
        coordinates: CoordinateConvention | None = None,
        box_order: BoxOrder | None = None,
        concurrency: int = 4,
        timeout_s: float = 120.0,
        max_retries: int = 5,
        temperature: float = 0.0,
        max_tokens: int = 2048,
        tile_size_px: int | None = None,
        overlap_px: int | None = None,
        input_size_px: int | None = None,
        max_pixels: int = QWEN_MAX_PIXELS,
        jpeg_quality: int | None = None,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], object] | None = None,
        clock: Callable[[], float] | None = None,
        jitter: Callable[[], float] | None = None,
    ) -> None:
        """Check the settings and, without ``model``, ask the server which model it has.

        Args:
            base_url: address up to and including ``/v1``, http or https.
            model: name of the model; by default the only one the server lists.
            api_key: by default from GEOGROUND_API_KEY or OPENAI_API_KEY; an empty string sends none.
            style: prompt style; by default chosen by the model's name (``models.families``).
            coordinates: what the numbers in replies mean; by default what the model's family writes.
            box_order: order of the four numbers of a box; by default that of the model's family.
            concurrency: requests in flight.
            timeout_s: for one attempt.
            max_retries: see ``server_http``.
            temperature: 0 makes replies as repeatable as the server can.
            max_tokens: longest reply.
            tile_size_px: side of the chips, 980 by default, or ``input_size_px``.
            overlap_px: by default an eighth of the tile.
            input_size_px: the model has a fixed square input of this side; images are sent in exactly this size. By
                default that of the built-in model for its style, otherwise none.
            max_pixels: largest image sent where coordinates are resized pixels; not above the server's own budget.
            jpeg_quality: send JPEG of this quality (1 to 95) in place of PNG.
            transport: replaces the network in tests, as do ``sleep``, ``clock`` and ``jitter`` (see ``ServerClient``).
            sleep: see ``transport``.
            clock: see ``transport``.
            jitter: see ``transport``.

        Raises:
            SettingsError: a setting is wrong, or the server has several models and none was named.
            ModelError: the server cannot be reached or used.
        """
        _check(concurrency=concurrency, max_tokens=max_tokens, tile_size_px=tile_size_px, input_size_px=input_size_px)
        if not 0.0 <= temperature <= 2.0:
            raise SettingsError(f"temperature {temperature} is not between 0 and 2")
        if api_key is None:
            api_key = next((os.environ[name] for name in API_KEY_VARIABLES if os.environ.get(name)), None)
        injected = {"clock": clock, "jitter": jitter}
        self._client = ServerClient(
            base_url,
            api_key=api_key,
            timeout_s=timeout_s,
            max_retries=max_retries,
            max_connections=concurrency,
            transport=transport,
            sleep=sleep,
            **{name: value for name, value in injected.items() if value is not None},  # type: ignore[arg-type]
        )
        try:
            self.name = model.strip() if model and model.strip() else self._only_model()
            family = by_name(self.name)
            form = choose_form(family, UNKNOWN_SERVER, style=style, coordinates=coordinates, order=box_order)
            check_usable(self.name, family, given=coordinates is not None)
        except BaseException:
            self._client.close()
            raise
        self._style, self._convention = form.style, form.convention
        report_assumption(self.name, family, form.convention)
        self._concurrency = concurrency
        self._temperature = temperature
        self._max_tokens = max_tokens
        if input_size_px is None and self._style == "embedded":
            input_size_px = BUILTIN_INPUT_PX
        self._sender = ImageSender(
            coordinates=self._convention.coordinates,
            square=family is not None and family.image == "square",
            input_size_px=input_size_px,
            max_pixels=max_pixels,
            jpeg_quality=jpeg_quality,
        )
        self._fields = _Fields()
        self._logprobs_known = False
        self._gone = threading.Event()
        self._silent_in_a_row = 0
        tile = tile_size_px or input_size_px or _TILE_PX
        self.conventions = Conventions(
            tile_size_px=tile,
            overlap_px=tile // 8 if overlap_px is None else overlap_px,
            coordinates=self._convention.coordinates,
            box_order=self._convention.order,
            batch_size=2 * concurrency,  # so that a slow reply does not leave the other connections idle
        )
        self.fingerprint = self._fingerprint()

    def ground(self, images: Sequence[NDArray[np.uint8]], questions: Sequence[Question]) -> list[list[Answer]]:
        """Ask every question about every image, ``concurrency`` requests at a time.

        Raises:
            ModelError: the key or the model is refused, or no request of the whole batch was answered because the
                server is gone, silent or overloaded.
            SettingsError: an expression is empty or too long.
        """
        prompts = [build_prompt(question, self._style, self._convention) for question in questions]
        sent = [SentImage(pixels) for pixels in images]
        answers: list[list[Answer]] = [[Answer() for _ in questions] for _ in images]
        waiting = deque((i, j) for i in range(len(images)) for j in range(len(questions)))
        failures: list[RequestError] = []
        fatal: list[BaseException] = []
        count = len(waiting)

        def work() -> None:
            while not fatal:
                try:
                    i, j = waiting.popleft()
                except IndexError:
                    return
                try:
                    answers[i][j] = self._ask(sent[i], prompts[j], questions[j])
                except RequestError as failure:
                    failures.append(failure)
                    answers[i][j] = Answer(error=str(failure))
                except BaseException as error:  # noqa: BLE001 - handed to the caller's thread below
                    fatal.append(error)
                    self._client.stop()

        # Daemon threads: a reply that never comes must not keep the process alive after Ctrl-C.
        threads = [threading.Thread(target=work, daemon=True) for _ in range(min(self._concurrency, count))]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        except BaseException:
            waiting.clear()
            self._client.stop()
            raise
        if fatal:
            raise fatal[0]
        self._check_alive(failures, count)
        return answers

    def write(self, prompt: str, *, max_tokens: int = 2048) -> str:
        """What the server's model writes to a prompt without an image; ``max_tokens`` is at most that of the model.

        Raises:
            ModelError: the server does not answer, or not with text.
        """
        try:
            reply = self._complete({"role": "user", "content": prompt}, min(max_tokens, self._max_tokens))
            return read_reply(reply, max_tokens=self._max_tokens).text
        except RequestError as failure:
            if failure.kind == "unreachable":
                self._gone.set()
            raise ModelError(f"the model server does not answer: {failure}") from None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _check_alive(self, failures: Sequence[RequestError], count: int) -> None:
        """Raise when nothing in the batch was answered and the fault lies with the server, not with the chips."""
        silent = [failure for failure in failures if failure.kind not in ("refused", "broken")]
        if not count or len(silent) < count:
            self._silent_in_a_row = 0
            return
        self._silent_in_a_row += count
        # A few slow replies at the end of a run may be the chips' own fault; a refused connection never is.
        if any(failure.kind in ("unreachable", "stopped") for failure in silent) or (
            self._silent_in_a_row >= self._concurrency
        ):
            raise ModelError(
                f"the model server does not answer: {silent[-1]}",
                hint=f"Check that it runs (curl {self._client.base_url}/models) and has time enough (--timeout); "
                "then go on with --resume.",
            )

    def _ask(self, image: SentImage, prompt: str, question: Question) -> Answer:
        if min(image.pixels.shape) < 1:
            raise RequestError("refused", "an empty image")
        self._sender.encode(image)
        message = {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": image.data_url}},
                {"type": "text", "text": prompt},
            ],
        }
        try:
            reply = self._complete(message)
        except RequestError as failure:
            if failure.kind == "unreachable":
                self._gone.set()  # the rest of the batch tries once instead of waiting its turn through every retry
            raise
        self._gone.clear()
        return self._answer(read_reply(reply, max_tokens=self._max_tokens), image, question)

    def _answer(self, reply: Reply, image: SentImage, question: Question) -> Answer:
        """The boxes of a reply, or an error where it holds something that cannot be used."""
        height, width = image.pixels.shape[:2]
        answer = parse_answer(
            reply.text,
            image_size_px=(width, height),
            model_size_px=image.sent_size_px,
            coordinates=self._convention,
            task=question.task,
            default_label=question.expression,
            tokens=reply.tokens,
            logprobs=reply.logprobs,
            truncated=reply.truncated,
        )
        limit = Limit.found(self._max_tokens, reply.tokens_used)
        problem = problem_of(answer, task=question.task, convention=self._convention, limit=limit)
        if problem is None and reply.from_field and not answer.detections and answer.dropped:
            problem = f"the server's content is empty, and its {reply.from_field} holds no boxes"
        if problem is not None and not answer.detections:
            raise RequestError("broken", problem)
        reasoning = clean_reasoning(reply.reasoning) if reply.reasoning else answer.reasoning
        return replace(answer, reasoning=reasoning, error=problem)

    def _complete(self, message: Mapping[str, Any], max_tokens: int | None = None) -> Any:
        """Post the question; give up optional fields that the server refuses, and remember it."""
        fields = self._fields
        guessed = False
        while True:
            body: dict[str, Any] = {"model": self.name, "messages": [message], "stream": False}
            body[fields.max_tokens_name] = max_tokens or self._max_tokens
            if fields.temperature:
                body["temperature"] = self._temperature
            if fields.logprobs:
                body["logprobs"] = True
            try:
                reply = self._client.request("POST", "/chat/completions", body, patient=not self._gone.is_set())
            except RequestError as failure:
                fewer = (
                    None if failure.status not in _REFUSED_FIELD_STATUS else _without_refused(fields, failure.detail)
                )
                if fewer is None:
                    if failure.status not in _REFUSED_FIELD_STATUS or not fields.logprobs or self._logprobs_known:
                        raise
                    # Not every server says what it dislikes: try once without, and keep that only if it helps.
                    fewer, guessed = replace(fields, logprobs=False), True
                fields = fewer
                if not guessed:
                    self._fields = fields
            else:
                self._fields = fields
                self._logprobs_known = True
                return reply

    def _only_model(self) -> str:
        try:
            reply = self._client.request("GET", "/models")
        except RequestError as failure:
            raise ModelError(
                f"the model server does not answer: {failure}",
                hint=f"Check that it runs: curl {self._client.base_url}/models",
            ) from None
        entries = reply.get("data") if isinstance(reply, dict) else None
        names = [entry.get("id") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
        known = [self._client.scrub(name) for name in names if isinstance(name, str) and name.strip()]
        if len(known) != 1:
            hint = f"Name one with --model; it has: {', '.join(known[:10])}."
            if not known:
                hint = (
                    "Name the one that it serves with --model. A server started as `transformers serve FOLDER` "
                    "lists nothing and serves exactly that folder: give --model FOLDER, written as there."
                )
            raise SettingsError(f"the server lists {len(known)} models", hint=hint)
        return next(name for name in names if isinstance(name, str) and name.strip())

    def _fingerprint(self) -> str:
        """Identity of the settings that change answers; the weights behind the server's name cannot be seen."""
        settings = {
            "server": self._client.base_url,
            "model": self.name,
            "prompts": [
                build_prompt(Question(expression="x", task=task), self._style, self._convention)
                for task in ("refer", "detect", "segment")
            ],
            "convention": asdict(self._convention),
            "temperature": self._temperature,
            "images": asdict(self._sender),
        }
        digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
        return f"openai-{digest[:16]}"


def _check(**counts: int | None) -> None:
    for name, value in counts.items():
        if value is not None and value < 1:
            raise SettingsError(f"{name} {value} is not positive")


def _without_refused(fields: _Fields, message: str) -> _Fields | None:
    """The fields without the one that the server's message names, or None when it names none of them."""
    if fields.logprobs and "logprob" in message:
        return replace(fields, logprobs=False)
    if fields.max_tokens_name == "max_tokens" and "max_completion_tokens" in message:
        return replace(fields, max_tokens_name="max_completion_tokens")
    if fields.temperature and "temperature" in message:
        return replace(fields, temperature=False)
    return None
