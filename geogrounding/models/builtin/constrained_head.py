"""What may come next in an answer, and how probable it is: words from the language model, boxes from the regions.

An answer is words, then boxes. Which kind of token comes next follows from the tokens before it, so an answer is always well
formed. Words are drawn from the vocabulary. Everything about boxes is drawn from one distribution over the regions not
emitted yet: with relevance r_k (a logit) and sharpness s, region k is next with probability proportional to exp(s r_k), and the end
of the list to exp(e) (Plackett 1975, Luce 1959). The place named in the reasoning and the four coordinates are marginals of it:

    P(place)          sum of p_k over the regions whose centre lies there
    P(x1 | place)     sum of p_k given the place, times a narrow kernel around the region's x1
    P(y1 | place, x1) the same, given the tokens so far, and so on

so reading coordinates one by one is pointing at a region more and more precisely, and the product of their probabilities is
that of the box. The kernel has a broad, faint part: a box near a region is improbable but not impossible, and boxes drawn by
people have a likelihood to learn from.

Frames: pixels of the model's image.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn

from geogrounding.models.builtin.configuration import GeogroundConfig
from geogrounding.models.builtin.regions import pairwise_iou

NEVER = -30.0
"""Log-probability of what cannot come; finite, so that any text has a likelihood."""
SPREAD_PX, BROAD_PX, BROAD_SHARE = 0.5, 4.0, 0.02
FLOOR = 1e-4
EMITTED_IOU = 0.5
"""IoU above which a region counts as already emitted."""
COLUMNS = 3
FAMILIES = (0, 1, 1, 2)
"""Family of number tokens of each side of a box; see ``vocabulary.number_token``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Where each position of a text stands: what kind of token comes after it."""

    text: Tensor
    """(B, T) words come next."""
    see: Tensor
    """(B, T) a place or "none" comes next."""
    side: Tensor
    """(B, T) side of the box that comes next: 0 to 3, or -1."""
    place: Tensor
    """(B, T) index of the place just named, or -1."""
    numbers: Tensor
    """(B, T, 3) sides of this box emitted so far, -1 where none."""
    emitted: Tensor
    """(B, T, K) regions emitted so far."""

    def take(self, index: slice | Tensor) -> State:
        """Some of the positions."""
        return State(**{field.name: getattr(self, field.name)[:, index] for field in fields(self)})


def number_kernel(boxes_px: Tensor, side_px: int) -> Tensor:
    """Log-probability of each number as a side of each region: (B, K, 4) to (B, K, 4, side_px + 1)."""
    numbers = torch.arange(side_px + 1, device=boxes_px.device, dtype=torch.float32)
    distance = (numbers - boxes_px[..., None].float()).abs()
    narrow = torch.softmax(-0.5 * (distance / SPREAD_PX) ** 2, -1)
    broad = torch.softmax(-distance / BROAD_PX, -1)
    return ((1 - BROAD_SHARE) * narrow + BROAD_SHARE * broad).clamp(min=1e-12).log()


def places_of(boxes_px: Tensor, side_px: int) -> Tensor:
    """Index of the ninth of the image in which each box's centre lies: (B, K, 4) to (B, K)."""
    centre = (boxes_px[..., :2] + boxes_px[..., 2:]) / 2
    cell = (centre / side_px * COLUMNS).long().clamp(0, COLUMNS - 1)
    return cell[..., 1] * COLUMNS + cell[..., 0]


class Grammar(nn.Module):
    """Log-probabilities of the next token."""

    def __init__(self, config: GeogroundConfig) -> None:
        super().__init__()
        width = config.text_config.hidden_size
        self.first, self.count = config.number_token_ids[0], config.image_size + 1
        self.place, self.places = config.place_token_ids, COLUMNS**2
        self.see, self.none = config.see_token_id, config.none_token_id
        self.more, self.close = config.more_token_id, config.close_token_id
        self.image, self.side_px = config.image_token_id, config.image_size
        self.query = nn.Linear(width, width)
        self.end = nn.Linear(width, 1)
        self.sharpness = nn.Parameter(torch.tensor(float(config.sharpness)).log())
        self.scale = width**-0.5
        self._kept: tuple[Tensor, Tensor, Tensor] | None = None

    def state(self, ids: Tensor, boxes_px: Tensor) -> State:
        """Where each position of ``ids`` (B, T) stands."""
        offset = ids - self.first
        number = (offset >= 0) & (offset < 3 * self.count)
        family = torch.where(number, torch.div(offset, self.count, rounding_mode="floor"), -1)
        value = torch.where(number, offset % self.count, -1)

        def back(x: Tensor, steps: int) -> Tensor:
            return nn.functional.pad(x, (steps, 0), value=-1)[:, : x.shape[1]] if steps else x

        second = (family == 1) & (back(family, 1) == 1)
        side = torch.full_like(ids, -1)
        side[family == 0] = 1
        side[family == 1] = 2
        side[second] = 3
        place = torch.where((ids >= self.place) & (ids < self.place + self.places), ids - self.place, -1)
        side[(place >= 0) | (ids == self.more)] = 0
        numbers = torch.full((*ids.shape, 3), -1, device=ids.device)
        for n in range(3):  # side n was emitted side - n - 1 tokens ago
            for steps in range(3):
                here = side == n + steps + 1
                numbers[..., n] = torch.where(here, back(value, steps), numbers[..., n])
        box = torch.stack([back(value, 3), back(value, 2), back(value, 1), value], -1).float()
        over = pairwise_iou(box, boxes_px.float()) > EMITTED_IOU
        emitted = (over & (family == 2)[..., None]).cummax(1).values
        see = ids == self.see
        return State(text=~see & (side < 0), see=see, side=side, place=place, numbers=numbers, emitted=emitted)

    def not_words(self, words: Tensor) -> Tensor:
        """(V,) True for tokens that never stand where words do, for vocabulary logits (..., V)."""
        barred = torch.zeros(words.shape[-1], dtype=torch.bool, device=words.device)
        barred[self.first : self.first + 3 * self.count] = True
        barred[self.place : self.place + self.places] = True
        barred[[self.none, self.image]] = True
        return barred

    def relevance(self, hidden: Tensor, base: Tensor, keys: Tensor) -> Tensor:
        """(B, T, K) relevance of each region at each position, from the reader's (B, K) and what was said since."""
        said: Tensor = (self.query(hidden) @ keys.transpose(1, 2)).float() * self.scale
        return base[:, None] + said

    def odds(self, state: Tensor, base: Tensor, keys: Tensor) -> Tensor:
        """(B, K) how surely each region is meant, from the state (B, width) after the token of seeing.

        A logit: regions of at least 0 outweigh the end of the list, and are emitted.
        """
        relevance = self.relevance(state[:, None], base, keys)[:, 0]
        out: Tensor = relevance - self.end(state).float() / self.sharpness.exp().float()
        return out

    def forward(
        self, hidden: Tensor, words: Tensor, state: State, base: Tensor, keys: Tensor, boxes_px: Tensor
    ) -> Tensor:
        """(B, T, V) log-probabilities, float32.

        Args:
            hidden: (B, T, width) of the language model.
            words: (B, T, V) its vocabulary logits.
            state: of the same positions.
            base: (B, K) relevances of the reader.
            keys: (B, K, width) regions as they left the reader.
            boxes_px: (B, K, 4).
        """
        pull = self.relevance(hidden, base, keys) * self.sharpness.exp().float()
        pull = pull.masked_fill(state.emitted, NEVER).clamp(min=NEVER)
        end = self.end(hidden).float()[..., 0]
        any_left = pull.logsumexp(-1)
        stop, go = (end - torch.logaddexp(end, any_left)), (any_left - torch.logaddexp(end, any_left))
        # words; where a box has been emitted, "more" and "close" share what the vocabulary gives them by what is left
        plain = words.float().masked_fill(self.not_words(words), NEVER).log_softmax(-1)
        both = torch.logaddexp(plain[..., self.more], plain[..., self.close])
        out = plain.clamp(min=NEVER)
        out[..., self.more], out[..., self.close] = both + go, both + stop
        odds = pull - any_left[..., None]
        # a place, or none
        at = places_of(boxes_px, self.side_px)
        if bool(state.see.any()):
            grid = torch.nn.functional.one_hot(at, self.places).float()
            held = ((odds.exp() @ grid) + 1e-12).log() + go[..., None]
            seen = torch.full_like(out, NEVER)
            seen[..., self.place : self.place + self.places] = held
            seen[..., self.none] = stop
            out = torch.where(state.see[..., None], seen, out)
        if bool((state.side >= 0).any()):
            out = torch.where((state.side >= 0)[..., None], self._numbers(odds, state, at, boxes_px, out), out)
        return out.clamp(min=NEVER)

    def _kernels(self, boxes_px: Tensor) -> tuple[Tensor, Tensor]:
        """``number_kernel`` and its exponential; kept between the tokens of one generation, which they outweigh."""
        if self._kept is None or self._kept[0] is not boxes_px:
            distinct, row = torch.unique(boxes_px, dim=0, return_inverse=True)  # answers about one image share them
            kernel = number_kernel(distinct, self.side_px)[row]
            if torch.is_grad_enabled():
                return kernel, kernel.exp()
            self._kept = (boxes_px, kernel, kernel.exp())
        return self._kept[1], self._kept[2]

    def _numbers(self, odds: Tensor, state: State, at: Tensor, boxes_px: Tensor, like: Tensor) -> Tensor:
        """Log-probabilities where a number comes next."""
        kernel, weight = self._kernels(boxes_px)  # (B, K, 4, N)
        b, t, k = odds.shape
        post = torch.where((state.place >= 0)[..., None] & (at[:, None] != state.place[..., None]), odds + NEVER, odds)
        for n in range(3):
            value = state.numbers[..., n]
            index = value.clamp(min=0)[:, None].expand(b, k, t)
            fit = torch.gather(kernel[:, :, n], 2, index).transpose(1, 2)
            post = post + torch.where((value >= 0)[..., None], fit, 0.0)
        share = post.softmax(-1)
        pick = state.side.clamp(min=0)
        spread = torch.zeros(b, t, self.count, device=odds.device)
        for side in range(4):
            rows = (pick == side)[..., None]
            if bool(rows.any()):
                spread = torch.where(rows, share @ weight[:, :, side], spread)
        spread = (spread * (1 - FLOOR) + FLOOR / self.count).log()
        out = torch.full_like(like, NEVER)
        family_of = torch.tensor(FAMILIES, device=pick.device)[pick]
        for family in range(3):
            start = self.first + family * self.count
            block = out[..., start : start + self.count]
            out[..., start : start + self.count] = torch.where((family_of == family)[..., None], spread, block)
        return out
