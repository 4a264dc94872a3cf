// When the cursor is saved: a decision without clocks and disks.

import Durable
import Platform
import Testing

@testable import Delivery

@Suite struct CursorSavingTests {
    private let start = Instant(nanoseconds: 1_000_000_000_000)

    private func after(_ milliseconds: Int) -> Instant { start + .milliseconds(milliseconds) }

    /// One whose snapshot is written.
    private func open(at now: Instant) -> CursorSaving {
        var saving = CursorSaving(savedVersion: 0)
        saving.noteVersion(1, at: now)
        #expect(saving.due == now)
        saving.due = nil
        #expect(saving.begin(1, at: now, partCount: 1) == .part(0, of: 1))
        saving.note(CursorOutcome(), version: 1, at: now)
        return saving
    }

    @Test func aChangeIsSavedAtOnceAndTheNextATenthOfASecondLater() {
        var saving = open(at: start)
        saving.noteVersion(1, at: after(10))
        #expect(saving.due == nil)
        saving.noteVersion(2, at: after(20))
        #expect(saving.due == after(100))
        // Later changes do not put it off.
        saving.noteVersion(3, at: after(90))
        #expect(saving.due == after(100))
        saving.due = nil
        #expect(saving.begin(3, at: after(100), partCount: 1) == .changes)
        // What came while it was written is due a tenth of a second after that began.
        saving.noteVersion(4, at: after(150))
        #expect(saving.due == nil)
        saving.note(CursorOutcome(byteCount: 70), version: 3, at: after(160))
        saving.noteVersion(4, at: after(160))
        #expect(saving.due == after(200))
        saving.due = nil
        saving.noteVersion(4, at: after(5_000))
        #expect(saving.due == after(5_000))
    }

    /// A thousand files that change all the time, and ten thousand.
    @Test(arguments: [(30_000, 305), (70_000, 712), (700_000, 1_000)]) func muchIsWrittenSeldom(
        _ bytes: Int, _ milliseconds: Int
    ) {
        var saving = open(at: start)
        #expect(saving.begin(2, at: after(100), partCount: 1) == .changes)
        saving.note(CursorOutcome(byteCount: bytes), version: 2, at: after(110))
        saving.noteVersion(3, at: after(120))
        let due = saving.due.map { ($0 - after(100)).nanoseconds / 1_000_000 }
        #expect(due == Int64(milliseconds))
    }

    @Test func aFailureIsTriedAgainWithAllOfIt() {
        var saving = open(at: start)
        #expect(saving.begin(2, at: after(100), partCount: 3) == .changes)
        saving.note(CursorOutcome(failure: .noSpace, wantsSnapshot: true), version: 2, at: after(300))
        // Though nothing moves.
        saving.noteVersion(2, at: after(300))
        #expect(saving.due == after(1_300))
        saving.due = nil
        #expect(saving.begin(2, at: after(1_300), partCount: 3) == .part(0, of: 3))
        saving.note(CursorOutcome(), version: 2, at: after(1_310))
        #expect(saving.begin(3, at: after(1_320), partCount: 9) == .part(1, of: 3))
        saving.note(CursorOutcome(failure: .noSpace, wantsSnapshot: true), version: 3, at: after(1_330))
        #expect(saving.begin(3, at: after(2_330), partCount: 2) == .part(0, of: 2))
        saving.note(CursorOutcome(), version: 3, at: after(2_340))
        #expect(saving.begin(3, at: after(2_350), partCount: 9) == .part(1, of: 2))
        saving.note(CursorOutcome(), version: 3, at: after(2_360))
        saving.noteVersion(3, at: after(2_370))
        #expect(saving.due == nil && saving.partCount == nil)
    }

    /// A snapshot that fails while the log can be appended to is no failure.
    @Test func aLogThatCannotBeWrittenAnewGrows() {
        var saving = open(at: start)
        _ = saving.begin(2, at: after(100), partCount: 3)
        saving.note(CursorOutcome(wantsSnapshot: true), version: 2, at: after(110))
        #expect(saving.begin(3, at: after(200), partCount: 3) == .part(0, of: 3))
        saving.note(CursorOutcome(snapshotFailure: .noSpace), version: 3, at: after(210))
        saving.noteVersion(3, at: after(220))
        #expect(saving.due == nil)
        #expect(saving.begin(4, at: after(400), partCount: 3) == .changes)
    }

    @Test func theStopSyncsOnceAndTriesTwice() {
        var saving = CursorSaving(savedVersion: 0)
        saving.beginEnd()
        // Nothing was saved, and nothing is to be.
        #expect(saving.isWorthTrying && saving.begin(0, at: start, partCount: 1) == .nothing)
        saving = open(at: start)
        saving.beginEnd()
        #expect(saving.begin(1, at: after(10), partCount: 1) == .changes)
        saving.note(CursorOutcome(), version: 1, at: after(20))
        #expect(!saving.isWorthTrying)
        // One that is on its way does not have what was acknowledged last.
        saving = open(at: start)
        _ = saving.begin(2, at: after(5), partCount: 1)
        saving.beginEnd()
        saving.note(CursorOutcome(), version: 2, at: after(8))
        #expect(saving.isWorthTrying && saving.begin(3, at: after(10), partCount: 1) == .changes)
        saving.note(CursorOutcome(), version: 3, at: after(20))
        #expect(!saving.isWorthTrying)
        saving = open(at: start)
        saving.beginEnd()
        #expect(saving.begin(2, at: after(10), partCount: 1) == .changes)
        saving.note(CursorOutcome(failure: .notFound, wantsSnapshot: true), version: 2, at: after(20))
        #expect(saving.isWorthTrying && saving.begin(2, at: after(20), partCount: 1) == .part(0, of: 1))
        saving.note(CursorOutcome(failure: .noSpace, wantsSnapshot: true), version: 2, at: after(30))
        #expect(!saving.isWorthTrying)
    }
}
