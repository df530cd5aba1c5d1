"""The state of an alarm by its metric's values, as the CloudWatch user guide describes it in "Evaluating an alarm" and
"Configuring how CloudWatch alarms treat missing data"."""

import operator

COMPARISONS = {
    "GreaterThanOrEqualToThreshold": (operator.ge, ">="),
    "GreaterThanThreshold": (operator.gt, ">"),
    "LessThanThreshold": (operator.lt, "<"),
    "LessThanOrEqualToThreshold": (operator.le, "<="),
}
# CloudWatch looks further back than the alarm's periods, because data can be late.
FURTHER = 2


def periods_to_read(alarm):
    """How many periods `judge` needs, the one in progress among them."""
    return 1 + alarm.get("EvaluationPeriods", 1) + FURTHER


def judge(alarm, values):
    """The state and its reason, or None where the alarm stays in its state.

    `values` has one value a period, newest first, None for a period without data. The first period is still in progress. It
    counts only once it breaches a threshold from below, which no later value of the period can undo.
    """
    compare, sign = COMPARISONS[alarm["ComparisonOperator"]]
    threshold, periods = alarm["Threshold"], alarm.get("EvaluationPeriods", 1)
    needed = alarm.get("DatapointsToAlarm") or periods
    running, ended = values[0], values[1:]
    known = [value for value in ended if value is not None]
    if running is not None and sign.startswith(">") and compare(running, threshold):
        known.insert(0, running)
    known = known[:periods]
    missing = periods - len(known)
    breaching = sum(compare(value, threshold) for value in known)
    treatment = alarm.get("TreatMissingData") or "missing"
    if treatment == "breaching":
        rings = breaching + missing >= needed
    elif treatment == "notBreaching" or not missing or breaching >= needed:
        rings = breaching >= needed
    elif not known:
        return None if treatment == "ignore" else ("INSUFFICIENT_DATA", f"no data in {periods} periods")
    elif breaching < len(known):
        rings = False
    elif treatment == "ignore":
        return None
    else:
        rings = True
    shown = ", ".join(f"{value:g}" for value in known) or "no data"
    reason = f"{breaching} of {periods} values {sign} {threshold:g}, needed are {needed}; newest first: {shown}"
    return ("ALARM" if rings else "OK"), reason
