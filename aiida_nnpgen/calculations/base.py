"""What every calculation has in common: defaults of its job, exit codes, and which failures the cache must forget."""

from __future__ import annotations

from aiida.engine import CalcJobProcessSpec, ProcessSpec

__all__ = ["EXIT_CODES", "FROM_OUTSIDE", "RUN_FAILURES", "define_exit_codes", "define_job"]

EXIT_CODES: dict[str, tuple[int, str]] = {
    "ERROR_NO_FRAMES": (300, "The job gave no frame: {message}"),
    "ERROR_JOB_FAILED": (310, "The code stopped with an error: {message}"),
    "ERROR_NO_DEVIATION": (320, "The sampler `{sampler}` gave no usable deviation: {message}"),
    "ERROR_NO_WINDOW": (321, "The trust window cannot be calibrated: {message}"),
    "ERROR_INTERRUPTED": (400, "The job ended before it was done, what it had finished is kept: {message}"),
    "ERROR_DIVERGED": (410, "The training diverged at step {step}: lower the learning rate."),
    "ERROR_OUT_OF_MEMORY": (411, "The job ran out of memory, give it more, or smaller batches: {message}"),
    "ERROR_DISK_FULL": (412, "There was no room on the disk, what was finished is kept, make room: {message}"),
    "ERROR_UNSTABLE": (420, "The run became unstable, its good part is kept: {message}"),
    "ERROR_NOT_FINITE": (421, "Predictions are not finite, such models cannot be used: {message}"),
    "ERROR_NOT_CONVERGED": (430, "The self-consistent field did not converge: {message}"),
    "ERROR_LABEL_UNPHYSICAL": (431, "The label cannot be right: {message}"),
    "ERROR_RUN_FAILED": (440, "The run ended before its time: {reason}"),
    "ERROR_TRAINING_FAILED": (450, "Training of {members} failed: {reason}"),
    "ERROR_NO_RUN_SUCCEEDED": (451, "No run gave a single frame; the first failed with: {reason}"),
    "ERROR_SCREENING_FAILED": (452, "The screening failed: {reason}"),
    "ERROR_YIELD_TOO_LOW": (453, "Only {share:.0%} of the frames got a label, less than {needed:.0%}: {reasons}"),
    "ERROR_INITIAL_DATASET_FAILED": (454, "The first dataset could not be made: {reason}"),
    "ERROR_SUB_PROCESS_FAILED_INITIAL_DATASET": (455, "Initial dataset failed in iteration {iteration}: {reason}"),
    "ERROR_SUB_PROCESS_FAILED_TRAINING": (456, "Training failed in iteration {iteration}: {reason}"),
    "ERROR_SUB_PROCESS_FAILED_SAMPLING": (457, "Sampling failed in iteration {iteration}: {reason}"),
    "ERROR_SUB_PROCESS_FAILED_SCREENING": (458, "Screening failed in iteration {iteration}: {reason}"),
    "ERROR_SUB_PROCESS_FAILED_LABELLING": (459, "Labelling failed in iteration {iteration}: {reason}"),
    "ERROR_SUB_PROCESS_FAILED_EVALUATION": (460, "Evaluation failed in iteration {iteration}: {reason}"),
    "ERROR_SUB_PROCESS_FAILED_STABILITY": (461, "Measuring stability failed in iteration {iteration}: {reason}"),
    "ERROR_NO_PROBE": (462, "No probe says how long it held; the first failed with: {reason}"),
    "ERROR_DIAGNOSIS_FAILED": (463, "The diagnosis of failed probes failed: {reason}"),
}
"""Number and message of every exit code of this package: one label has one number wherever it appears."""

FROM_OUTSIDE = ("ERROR_INTERRUPTED", "ERROR_OUT_OF_MEMORY", "ERROR_DISK_FULL")
"""How the machine may end a job: another attempt may well succeed."""
RUN_FAILURES = ("ERROR_NO_FRAMES", "ERROR_JOB_FAILED", *FROM_OUTSIDE)
"""How a job of any code may fail."""


def define_exit_codes(spec: ProcessSpec, *labels: str) -> None:
    """Declare exit codes by their labels.

    Below 400 there is nothing worth keeping, and what came from outside (a time limit, too little memory or disk) may
    not come again: such a process is never taken from the cache, so that another attempt runs.
    """
    for label in labels:
        status, message = EXIT_CODES[label]
        forget = status < 400 or label in FROM_OUTSIDE
        spec.exit_code(status, label, invalidates_cache=forget, message=message)


def define_job(spec: CalcJobProcessSpec, parser: str, *, withmpi: bool) -> None:
    """Set the defaults of a job: its parser, one process on one machine, one thread.

    :param parser: entry point.
    :param withmpi: whether the code is started through MPI.
    """
    options = spec.inputs["metadata"]["options"]
    options["parser_name"].default = parser
    options["resources"].default = lambda: {"num_machines": 1, "num_mpiprocs_per_machine": 1}
    options["withmpi"].default = withmpi
    options["environment_variables"].default = lambda: {"OMP_NUM_THREADS": "1"}
