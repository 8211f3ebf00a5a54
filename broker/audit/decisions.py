"""ONE-DECISION within a segment: every record has exactly one decision per covering agreement, or one quarantine.

What covered a record is worked out again from the register as it was at the position cited, at the time of decision
(CITED-POLICY); no plan and no counter is believed.  A quarantined record of an entity may also be withdrawn (decision 17).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from agreements.snapshot import Coverage, Job, JobKind, Snapshot, Standing
from agreements.standing import may_correct, stand
from broker.audit import codes
from broker.audit.leaf import DELIVERED
from broker.audit.read import Opened, OpenSegment
from broker.audit.runs import expand
from broker.audit.segment import Entry
from contracts import topics
from contracts.faults import Fault

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Share = tuple[str, str]
Covering = tuple[Coverage, bool]
"""A share that covers the records of a segment, and whether anything of it might flow in that segment."""


def check_decisions(found: OpenSegment, snapshot: Snapshot) -> Iterator[Fault]:
    """What is wrong with a segment's decisions, given the register at the position it cites."""
    header = found.header
    now = _EPOCH + timedelta(milliseconds=header.decided_ms)
    dataset = topics.dataset_of(header.topic) or ""
    covering = {
        (coverage.entry.agreement.reference, coverage.share.id): (coverage, standing)
        for coverage in snapshot.coverages(dataset)
        if (standing := stand(snapshot, coverage, now).standing) is not Standing.NOT_COVERING
    }
    if header.mode == "correction":  # it may go on where nothing else may, and then changes only what the recipient had
        standings = {share: (one, may_correct(snapshot, one, now)) for share, (one, _) in covering.items()}
    else:
        standings = {share: (one, standing is Standing.IN_FORCE) for share, (one, standing) in covering.items()}
    if header.mode != "live":
        if not _is_asked_for(found, snapshot, dataset, standings):
            yield codes.JOB_UNKNOWN.fault(f"{header.segment} cites job {header.job}")
            return
    elif header.job is not None:
        yield codes.JOB_UNKNOWN.fault(f"{header.segment} is live and cites job {header.job}")
    yield from _one_each(found, standings)
    for entry in found.segment.index.directory:
        if entry.agreement and (entry.agreement, entry.share) in standings:
            coverage, may_flow = standings[entry.agreement, entry.share]
            yield from _terms(found, entry, coverage, may_flow=may_flow)


def _is_asked_for(found: OpenSegment, snapshot: Snapshot, dataset: str, standings: Mapping[Share, Covering]) -> bool:
    """Whether the register gives a segment that is not live its reason.

    A release needs no act of its own: it decides one share and cites the act that approved the version in force.
    """
    header = found.header
    if header.mode == "release":
        shares = [(entry.agreement, entry.share) for entry in found.segment.index.directory]
        approved = {share: coverage.entry.approved_position for share, (coverage, _) in standings.items()}
        if not shares:  # records of which none was the share's to decide again
            return header.job in approved.values()
        return len(shares) == 1 and header.job is not None and approved.get(shares[0]) == header.job
    # One act may ask for several jobs, a share each.
    return any(_is_of(found, job, dataset, snapshot) for job in snapshot.jobs if job.position == header.job)


def _is_of(found: OpenSegment, job: Job, dataset: str, snapshot: Snapshot) -> bool:
    """Whether the segment decides what the job asked for, and nothing else; a record that was discarded is nobody's."""
    header, index = found.header, found.segment.index
    kinds = (job.kind.value, JobKind.BACKFILL) if job.kind is JobKind.CORRECTION else (job.kind.value,)
    if header.mode not in kinds or job.dataset != dataset:  # a backfill is bound more tightly than a correction
        return False
    if job.offset is not None:
        one = len(index.records) == 1 and index.records[0][0] == job.offset and index.records[0][2] == 1
        is_given_up = (header.topic, header.partition, job.offset) in snapshot.discarded
        return one and job.partition == header.partition and not is_given_up
    return all((entry.agreement, entry.share) == (job.reference, job.share) for entry in index.directory)


def _one_each(found: OpenSegment, standings: Mapping[Share, Covering]) -> Iterator[Fault]:
    name, entries = found.header.segment, found.segment.index.directory
    records = [offset for offset, _ in expand(found.segment.index.records)]
    sequences = dict(expand(found.segment.index.records))
    quarantined = {one.auditor.offset for entry in entries if not entry.agreement for one in _group(found, entry)}
    wanted = [offset for offset in records if offset not in quarantined]
    for number, one in enumerate(found.opened):
        if sequences.get(one.auditor.offset, -1) != one.auditor.sequence:
            yield codes.DECISION_UNFOUNDED.fault(f"leaf {name}/{number} is for a record that was not read")
            break
    is_complete = found.header.mode in ("live", "replay")
    for share in sorted(standings.keys() - {(entry.agreement, entry.share) for entry in entries}):
        if wanted and is_complete:
            yield codes.DECISION_MISSING.fault(f"{name}: record {wanted[0]} under {share[0]} {share[1]}")
    for entry in entries:
        if not entry.agreement:
            continue
        if (entry.agreement, entry.share) not in standings:
            message = f"leaf {name}/{entry.start}: {entry.agreement} {entry.share} did not cover the record"
            yield codes.DECISION_UNFOUNDED.fault(message)
            continue
        yield from _compare(found, entry, wanted if is_complete else None, quarantined)


def _compare(found: OpenSegment, entry: Entry, wanted: Sequence[int] | None, quarantined: set[int]) -> Iterator[Fault]:
    """Hold one share's leaves against the records that it has to decide; `wanted` None lets it decide fewer."""
    decided = []
    for number, one in enumerate(_group(found, entry), entry.start):
        if one.auditor.offset not in quarantined:
            decided.append(one.auditor.offset)
        elif one.recipient.outcome != "withdraw":
            message = f"leaf {found.header.segment}/{number} decides a quarantined record"
            yield codes.DECISION_UNFOUNDED.fault(message)
            return
    if wanted is None or decided == list(wanted):
        return
    missing = sorted(set(wanted) - set(decided))
    if missing:  # more than wanted was refused before: those records were not read
        message = f"{found.header.segment}: record {missing[0]} under {entry.agreement} {entry.share}"
        yield codes.DECISION_MISSING.fault(message)


def _terms(found: OpenSegment, entry: Entry, coverage: Coverage, *, may_flow: bool) -> Iterator[Fault]:
    """Every leaf quotes the terms of its share, and nothing flowed where it might not."""
    terms = (coverage.entry.agreement.version, coverage.entry.content_hash, coverage.share.purpose)
    for number, (recipient, _) in enumerate(_group(found, entry), entry.start):
        if (recipient.version, recipient.content_hash, recipient.purpose) != terms:
            yield codes.TERMS_WRONG.fault(f"leaf {found.header.segment}/{number}")
            return
        if recipient.outcome in DELIVERED and not may_flow:
            yield codes.FLOWED_WHILE_SUSPENDED.fault(f"leaf {found.header.segment}/{number}")
            return


def _group(found: OpenSegment, entry: Entry) -> Sequence[Opened]:
    return found.opened[entry.start : entry.start + entry.count]
