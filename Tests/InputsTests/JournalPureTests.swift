import Bytes
import Inputs
import Settings
import Testing

@Suite struct JournalFilterTests {
    @Test func unitNamesAreCompleted() {
        #expect(journalUnitName("ssh") == "ssh.service")
        #expect(journalUnitName("ssh.socket") == "ssh.socket")
        #expect(journalUnitName("my.app") == "my.app.service")
        #expect(journalUnitName(".service") == ".service.service")
    }

    @Test func prioritiesAreNamesOrDigits() {
        #expect(journalPriority("emerg") == 0)
        #expect(journalPriority("warning") == 4)
        #expect(journalPriority("warn") == 4)
        #expect(journalPriority("error") == 3)
        #expect(journalPriority("debug") == 7)
        #expect(journalPriority("7") == 7)
        #expect(journalPriority("8") == nil)
        #expect(journalPriority("-1") == nil)
        #expect(journalPriority("loud") == nil)
    }

    @Test func partsAreJoinedByAnd() {
        #expect(journalFilter(units: [], priority: nil, matches: []).isEmpty)
        #expect(
            journalFilter(units: [], priority: 1, matches: ["A=1", "+", "B=2"]) == [
                .match("PRIORITY=0"), .match("PRIORITY=1"), .and, .match("A=1"), .or, .match("B=2"),
            ])
    }

    @Test func matchesAreChecked() {
        #expect(journalMatchProblem("_COMM=cron") == nil)
        #expect(journalMatchProblem("MESSAGE=a=b") == nil)
        for bad in ["", "cron", "=x", "comm=x", "__CURSOR=x", "A B=x"] {
            #expect(journalMatchProblem(bad) != nil, "\(bad)")
        }
    }

    @Test func settingsSayWhatIsWrong() {
        func reason(_ settings: String) -> String? {
            do {
                _ = try journald(settings)
                return nil
            } catch {
                return "\(error)"
            }
        }
        #expect(reason(#"{ "priority": "loud" }"#)?.contains("inputs.journal.priority: expected") == true)
        #expect(reason(#"{ "priority": 6 }"#) == nil)
        #expect(reason(#"{ "units": ["ssh*"] }"#)?.contains("patterns are not possible") == true)
        #expect(reason(#"{ "matches": ["+", "A=1"] }"#)?.contains("\"+\" must stand between") == true)
        #expect(reason(#"{ "matches": ["A=1", "+", "+", "B=1"] }"#)?.contains("\"+\" must stand between") == true)
        #expect(reason(#"{ "matches": ["A=1", "nonsense"] }"#)?.contains("matches[1]") == true)
        #expect(reason(#"{ "start_at": "middle" }"#)?.contains("expected one of") == true)
        #expect(reason(#"{ "unit": ["ssh"] }"#)?.contains("did you mean \"units\"") == true)
    }
}

@Suite struct JournalBookmarksTests {
    @Test func acknowledgementTakesTheLastBookmarkBelow() {
        var bookmarks = JournalBookmarks(nil)
        bookmarks.note(10, cursor: "a")
        bookmarks.note(20, cursor: "b")
        bookmarks.acknowledge(9)
        #expect(bookmarks.acknowledged == nil)
        #expect(bookmarks.version == 0)
        bookmarks.acknowledge(19)
        #expect(bookmarks.acknowledged == .after(cursor: "a"))
        #expect(bookmarks.version == 1)
        bookmarks.acknowledge(20)
        #expect(bookmarks.acknowledged == .after(cursor: "b"))
        #expect(bookmarks.count == 0)
    }

    @Test func entriesWithoutRecordsMoveTheCursor() {
        var bookmarks = JournalBookmarks(nil)
        bookmarks.note(0, cursor: "skipped")
        #expect(bookmarks.acknowledged == .after(cursor: "skipped"))
        bookmarks.note(5, cursor: "a")
        bookmarks.note(5, cursor: "b")
        #expect(bookmarks.count == 1)
        bookmarks.acknowledge(5)
        #expect(bookmarks.acknowledged == .after(cursor: "b"))
        bookmarks.note(5, cursor: "c")
        #expect(bookmarks.acknowledged == .after(cursor: "c"))
    }

    @Test func theyAreBoundedAndNeverAhead() {
        var bookmarks = JournalBookmarks(nil)
        let total = 3 * JournalBookmarks.limit
        for ordinal in 1...total {
            bookmarks.note(UInt64(ordinal), cursor: "\(ordinal)")
            #expect(bookmarks.count <= JournalBookmarks.limit)
        }
        for ordinal in stride(from: 1, through: total, by: 7) {
            bookmarks.acknowledge(UInt64(ordinal))
            if case .after(let cursor)? = bookmarks.acknowledged { #expect(Int(cursor) ?? .max <= ordinal) }
        }
        bookmarks.acknowledge(UInt64(total))
        #expect(bookmarks.acknowledged == .after(cursor: "\(total)"))
    }

    @Test func placesSurviveJSON() throws {
        for place in [JournalPlace.after(cursor: "s=1;i=2"), .time(microseconds: 1_700_000_000_000_001)] {
            var json = JSONWriter()
            place.write(into: &json)
            #expect(JournalPlace(try parseJSON(json.bytes)) == place)
        }
        #expect(JournalPlace(try parseJSON(Array("null".utf8))) == nil)
        #expect(JournalPlace(try parseJSON(Array("{\"cursor\":7}".utf8))) == nil)
    }
}
