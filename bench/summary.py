"""From runs to the table: minimum, median and maximum of each figure and of its ratio within each repetition."""

import statistics

PROMISES = ("lost", "duplicated", "reordered", "misrouted", "corrupt", "refused", "unconfirmed", "stalled")


def spread(values):
    if not values:
        return None
    return {"min": min(values), "median": statistics.median(values), "max": max(values)}


def ratios(metric, ours, theirs):
    """How many times better ours is, repetition by repetition; repetitions in which either is missing do not count."""
    result = []
    for own, other in zip(ours, theirs):
        if not own or not other or own.get(metric.key) is None or other.get(metric.key) is None:
            continue
        better, worse = (other, own) if metric.lower_is_better else (own, other)
        if worse[metric.key] > 0:
            result.append(better[metric.key] / worse[metric.key])
    return result


def values(metric, runs):
    return [run[metric.key] for run in runs if run and run.get(metric.key) is not None]


def verdict(metric, own, ratio):
    """Whether the figure reaches what is wanted of it; judged by the median."""
    if metric.at_least is not None and ratio is not None:
        return "met" if ratio["median"] >= metric.at_least else "missed"
    if metric.limit is not None and own is not None:
        return "met" if own["median"] <= metric.limit else "missed"
    return ""


def summarize(scenario, runs):
    """`runs`: broker name -> results in the order of the repetitions, None for a failed one."""
    rows = []
    for metric in scenario.metrics:
        own = spread(values(metric, runs.get("warren", [])))
        ratio = spread(ratios(metric, runs.get("warren", []), runs.get("rabbitmq", [])))
        wanted = ""
        if metric.at_least is not None:
            wanted = f"{metric.at_least:g}x"
        elif metric.limit is not None:
            wanted = f"<= {metric.limit:g}"
        rows.append({"metric": metric.key, "label": metric.label, "warren": own,
                     "rabbitmq": spread(values(metric, runs.get("rabbitmq", []))), "ratio": ratio,
                     "at_least": wanted, "verdict": verdict(metric, own, ratio)})
    return rows


def broken_promises(runs):
    """Sentences about runs that failed or lost, doubled or mixed up messages."""
    found = []
    for broker, results in runs.items():
        for number, result in enumerate(results, 1):
            if result is None:
                found.append(f"{broker}, repetition {number}: the run failed")
                continue
            bad = [f"{result[name]} {name}" for name in PROMISES if result.get(name)]
            if bad:
                found.append(f"{broker}, repetition {number}: {', '.join(bad)}")
    return found


def number(value):
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}" if abs(value) >= 1 else f"{value:.3g}"


def cell(found, unit=""):
    if found is None:
        return "-"
    middle = number(found["median"]) + unit
    if found["min"] == found["max"]:
        return middle
    return f"{middle} [{number(found['min'])}..{number(found['max'])}]"


HEADER = ("scenario", "figure", "rabbitmq", "warren", "times better", "at least", "")


def table(scenarios):
    """`scenarios`: list of (Scenario, rows). Returns the text, in Markdown that reads well as it stands."""
    lines = [HEADER]
    for scenario, rows in scenarios:
        for position, row in enumerate(rows):
            lines.append((scenario.name if position == 0 else "", row["label"], cell(row["rabbitmq"]),
                          cell(row["warren"]), cell(row["ratio"], "x"), row["at_least"], row["verdict"]))
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADER))]
    text = ["| " + " | ".join(field.ljust(width) for field, width in zip(line, widths)) + " |" for line in lines]
    text.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(text)
