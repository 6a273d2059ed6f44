"""All that mean-field theory says of one activation, as facts; a number that does not exist is None, with a note."""

from typing import Any

from actbench.theory.correlation import correlation_slope, next_correlation, settled_correlation
from actbench.theory.fixed_points import CRITICAL, MOST, FixedPoint, FixedPoints, edges_of_chaos, fixed_points
from actbench.theory.gaussian import variance_preserving_gain
from actbench.theory.mean_field import (
    Nonlinearity,
    batch_norm_factor,
    depth_scale,
    gradient_factor,
    layer_norm_factor,
    mean,
    mean_square,
    mean_square_slope,
    next_variance,
    residual_factor,
)

Facts = dict[str, Any]
TRAINABLE = 6  # depth scales within which a network can be trained: Schoenholz et al. 2017, figure 5


def summarise(phi: Nonlinearity, weight_var: float, bias_var: float, correlations: tuple[float, ...] = ()) -> Facts:
    """Return the fixed points, χ, depth scales, gains and moments of an activation at one σ_w² and σ_b².

    q_star is the stable variance that layers reach from q = 1; without one, an unstable fixed point. xi_q, xi_c:
    layers over which variance and correlation come nearer to their fixed points by a factor e.

    weight_var: σ_w² > 0. bias_var: σ_b² ≥ 0. correlations: where the correlation map is evaluated too.
    Source: Poole et al. 2016; Schoenholz et al. 2017, eq. 5, 7, 9 and section 4 (6ξ).
    """
    found = fixed_points(phi, weight_var, bias_var)
    notes: list[str] = []
    settled, q = _settled(found, notes)
    chi = _limit_chi(phi, weight_var, notes) if settled is None else settled.chi
    stable = settled is not None and settled.stable
    facts: Facts = {
        "q_star": q,
        "stable": stable,
        "every_q_is_fixed": found.every,
        "fixed_points": [] if found.every else [vars(point) for point in found.points],
        "chi": chi,
        "phase": _phase(chi),
        "variance_slope": None if settled is None else settled.slope,
        "xi_q": _scale(settled.slope if settled and stable else None, "xi_q", notes),
    }
    facts |= _correlations(phi, settled, found.every, (weight_var, bias_var), correlations, notes)
    facts |= _constants(phi, weight_var, bias_var, notes)
    facts["at_q_star"] = None if q is None else _moments(phi, q)
    return facts | {"notes": notes}


def _settled(found: FixedPoints, notes: list[str]) -> tuple[FixedPoint | None, float | None]:
    if found.every:
        notes.append("q_star: every variance is a fixed point; none attracts")
        return found.points[0], None
    if found.settles is not None:
        return found.points[found.settles], found.points[found.settles].q
    if found.points:
        notes.append("q_star: no stable fixed point is reached from q = 1; the variance grows without bound")
        return found.points[-1], found.points[-1].q
    notes.append(f"q_star: no fixed point up to {MOST:g}; the variance grows without bound")
    return None, None


def _limit_chi(phi: Nonlinearity, weight_var: float, notes: list[str]) -> float:
    notes.append(f"chi: there is no fixed point; taken at q = {MOST:g}, which stands for its limit")
    return gradient_factor(phi, MOST, weight_var)


def _phase(chi: float) -> str:
    if abs(chi - 1) <= CRITICAL:
        return "edge_of_chaos"
    return "chaotic" if chi > 1 else "ordered"


def _scale(factor: float | None, name: str, notes: list[str]) -> float | None:
    if factor is None:
        notes.append(f"{name}: there is no stable fixed point to approach")
        return None
    if abs(factor - 1) <= CRITICAL:
        notes.append(f"{name}: infinite; the approach is slower than exponential")
        return None
    return depth_scale(factor)


def _correlations(
    phi: Nonlinearity,
    settled: FixedPoint | None,
    every: bool,
    variances: tuple[float, float],
    correlations: tuple[float, ...],
    notes: list[str],
) -> Facts:
    weight_var, bias_var = variances
    facts: Facts = {"c_star": None, "xi_c": None, "trainable_depth": None, "correlation_map": []}
    if settled is None or not (settled.stable or every):
        notes.append("xi_c: there is no stable fixed point of the variance")
        return facts
    if settled.q == 0:
        notes.append("c_star: with q* = 0 the signal vanishes and the correlation has no fixed point of its own")
        notes.append("xi_c: with q* = 0 it is the depth scale of the gradient, -1 / ln chi")
        facts["xi_c"] = _scale(settled.chi, "xi_c", notes)
    else:
        facts["c_star"] = settled_correlation(phi, settled.q, settled.chi, weight_var, bias_var)
        at_one = facts["c_star"] == 1
        slope = settled.chi if at_one else correlation_slope(phi, settled.q, facts["c_star"], weight_var)
        facts["xi_c"] = _scale(slope, "xi_c", notes)
        facts["correlation_map"] = [
            {"correlation": c, "next": next_correlation(phi, settled.q, c, weight_var, bias_var)} for c in correlations
        ]
    facts["trainable_depth"] = None if facts["xi_c"] is None else TRAINABLE * facts["xi_c"]
    return facts


def _constants(phi: Nonlinearity, weight_var: float, bias_var: float, notes: list[str]) -> Facts:
    """Return what depends on no fixed point: gains, factors under a norm, moments at q = 1."""
    assert next_variance(phi, 1, weight_var, bias_var) > 0
    facts: Facts = {"variance_preserving_gain": variance_preserving_gain(phi.function, phi.kinks)}
    facts["variance_preserving_weight_var"] = facts["variance_preserving_gain"] ** 2
    facts["layer_norm_factor"] = layer_norm_factor(phi, weight_var, bias_var)
    facts["batch_norm_factor"] = batch_norm_factor(phi)
    facts["residual_factor"] = residual_factor(phi, weight_var)
    if facts["residual_factor"] is None:
        notes.append("residual_factor: no closed form; `actbench probe --residual identity` goes layer by layer")
    notes.append("batch_norm_factor: for large batches of uncorrelated inputs (Yang et al. 2019)")
    facts["at_q_1"] = _moments(phi, 1)
    return facts


def _moments(phi: Nonlinearity, q: float) -> Facts:
    return {
        "mean": mean(phi, q),
        "mean_square": mean_square(phi, q),
        "mean_square_slope": mean_square_slope(phi, q),
    }


def summarise_edge(phi: Nonlinearity, bias_var: float) -> Facts:
    """Return σ_w² at the edge of chaos for a given σ_b², where χ = 1 at a fixed point, and all edges there are.

    bias_var: σ_b² ≥ 0. Source: Schoenholz et al. 2017, section 3; Hayou, Doucet & Rousseau 2019, definition 2.
    """
    edges, every = edges_of_chaos(phi, bias_var)
    notes = []
    if not edges:
        notes.append(f"weight_var: there is no edge of chaos with a fixed point up to q = {MOST:g}")
    elif every:
        notes.append("q_star: every variance is a fixed point; none attracts")
    elif not edges[0].stable:
        notes.append("weight_var: the fixed point at this edge is not stable; the variance leaves it")
    first = edges[0] if edges else None
    return {
        "weight_var": None if first is None else first.weight_var,
        "q_star": None if first is None or every else first.q,
        "stable": first is not None and first.stable and not every,
        "chi": None if first is None else 1.0,
        "every_q_is_fixed": every,
        "edges": [{"weight_var": e.weight_var, "q_star": None if every else e.q, "stable": e.stable} for e in edges],
        "notes": notes,
    }
