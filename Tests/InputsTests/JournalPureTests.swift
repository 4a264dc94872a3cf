import Bytes
import Inputs
import Settings
import TestSupport
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

    @Test func partsAreJoinedByAnd() throws {
        var selection = JournalSelection()
        #expect(selection.terms.isEmpty)
        selection.priority = 1
        selection.identifiers = ["a", "b"]
        selection.matches = ["A=1", "+", "B=2"]
        #expect(
            selection.terms == [
                .match("SYSLOG_IDENTIFIER=a"), .match("SYSLOG_IDENTIFIER=b"), .and, .match("PRIORITY=0"),
                .match("PRIORITY=1"), .and, .match("A=1"), .or, .match("B=2"),
            ])
        selection = JournalSelection()
        selection.owners.kernel = true
        #expect(selection.terms == [.match("_TRANSPORT=kernel")])
        selection.owners.units = [try JournalUnitPattern("ssh")]
        #expect(selection.terms.prefix(2) == [.match("_SYSTEMD_UNIT=ssh.service"), .or])
        #expect(selection.terms.suffix(2) == [.or, .match("_TRANSPORT=kernel")])
        // With a pattern among them, libsystemd cannot select by owner at all.
        selection.owners.userUnits = [try JournalUnitPattern("app-*")]
        #expect(selection.terms.isEmpty)
    }

    @Test func unitsAreNamesOrPatterns() throws {
        let name = try JournalUnitPattern("ssh")
        #expect(!name.isPattern && name.text == "ssh.service")
        #expect(name.matches(Array("ssh.service".utf8)) && !name.matches(Array("ssh.socket".utf8)))
        // A backslash is a part of names: systemd escapes with it.
        let escaped = try JournalUnitPattern(#"dev-disk-by\x2dlabel.device"#)
        #expect(escaped.matches(Array(#"dev-disk-by\x2dlabel.device"#.utf8)))
        let pattern = try JournalUnitPattern("{ssh,nginx}*")
        #expect(pattern.isPattern && pattern.matches(Array("nginx-2.socket".utf8)))
        #expect(!pattern.matches(Array("my-nginx.service".utf8)))
        #expect(throws: GlobError.self) { try JournalUnitPattern("") }
        #expect(throws: GlobError.self) { try JournalUnitPattern("a[b") }
    }

    @Test func bootsAreIDs() {
        let id = "0123456789abcdef0123456789abcdef"
        #expect(journalBootID(id) == id)
        #expect(journalBootID("01234567-89AB-CDEF-0123-456789ABCDEF") == id)
        for bad in ["", "-1", "0", String(id.dropLast()), id + "0", "g" + id.dropFirst()] {
            #expect(journalBootID(bad) == nil, "\(bad)")
        }
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
        #expect(reason(#"{ "units": ["ssh*"], "exclude_units": ["a"], "user_units": ["b*"], "kernel": true }"#) == nil)
        #expect(reason(#"{ "units": ["a", "ssh["] }"#)?.contains("units[1]: a '[' has no ']'") == true)
        #expect(reason(#"{ "exclude_units": [""] }"#)?.contains("exclude_units[0]") == true)
        #expect(reason(#"{ "identifiers": [""] }"#)?.contains("identifiers[0]") == true)
        #expect(reason(#"{ "boot": "last" }"#)?.contains("inputs.journal.boot: expected \"all\"") == true)
        #expect(reason(#"{ "journal_fields": "some" }"#)?.contains("expected \"all\", or a list") == true)
        #expect(reason(#"{ "journal_fields": ["_PID", "_pid"] }"#)?.contains("journal_fields[1]: \"_pid\"") == true)
        #expect(reason(#"{ "journal_fields": ["__CURSOR"] }"#)?.contains("no journal field") == true)
        #expect(reason(#"{ "journal_fields": ["MESSAGE"] }"#)?.contains("it is the message") == true)
        #expect(reason(#"{ "journal_fields": ["A", "A"] }"#)?.contains("journal_fields[1]: it stands twice") == true)
        #expect(reason(#"{ "namespaces": ["web", "default"] }"#) == nil)
        #expect(reason(#"{ "namespaces": [] }"#)?.contains("not empty") == true)
        #expect(reason(#"{ "namespaces": ["a/b"] }"#)?.contains("namespaces[0]") == true)
        #expect(reason(#"{ "namespaces": ["*"], "directory": "/x" }"#)?.contains("not with \"directory\"") == true)
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
        let cursor = "s=1;i=2"
        for place in [
            JournalPlace.after(cursor: cursor), .at(cursor: cursor), .time(microseconds: 1_700_000_000_000_001),
        ] {
            var json = JSONWriter()
            place.write(into: &json)
            #expect(JournalPlace(try parseJSON(json.bytes)) == place)
        }
        #expect(JournalPlace(try parseJSON(Array("null".utf8))) == nil)
        #expect(JournalPlace(try parseJSON(Array("{\"cursor\":7}".utf8))) == nil)
    }
}

@Suite struct JournalCursorTests {
    private static let text =
        "s=0123456789abcdef0123456789abcdef;i=1f;b=fedcba9876543210fedcba9876543210;m=3e8;t=60a24181e4000;x=1a2b"

    @Test func saysWhatItHolds() throws {
        let cursor = try #require(JournalCursor(Self.text))
        #expect(cursor.sequenceID == "0123456789abcdef0123456789abcdef")
        #expect(cursor.sequenceNumber == 31)
        #expect(cursor.realtimeMicroseconds == 1_700_000_000_000_000)
    }

    @Test func countsWhatIsMissing() throws {
        func cursor(_ id: String, _ number: String) throws -> JournalCursor {
            try #require(JournalCursor("s=\(id);i=\(number);t=0"))
        }
        let last = try cursor("a", "10")
        #expect(last.entriesMissing(before: try cursor("a", "11")) == 0)
        #expect(last.entriesMissing(before: try cursor("a", "20")) == 15)
        #expect(last.entriesMissing(before: try cursor("a", "ffffffffffffffff")) == .max - 0x11)
        #expect(last.entriesMissing(before: try cursor("b", "20")) == nil)
        #expect(last.entriesMissing(before: last) == nil)
        #expect(last.entriesMissing(before: try cursor("a", "f")) == nil)
    }

    /// A cursor comes from a file of the state, which may be damaged.
    @Test func anyTextIsACursorOrNone() throws {
        let whole = Array(Self.text.utf8)
        for count in 0..<whole.count { _ = JournalCursor(String(decoding: whole.prefix(count), as: UTF8.self)) }
        #expect(JournalCursor(String(decoding: whole.prefix(60), as: UTF8.self)) == nil)
        var random = SeededRandom()
        for _ in 0..<2_000 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0 ... .max, using: &random)
            }
            let text = String(decoding: bytes, as: UTF8.self)
            if let cursor = JournalCursor(text), let last = JournalCursor(Self.text) {
                _ = last.entriesMissing(before: cursor)
                _ = cursor.entriesMissing(before: last)
            }
            var json = JSONWriter()
            JournalPlace.after(cursor: text).write(into: &json)
            #expect(JournalPlace(try parseJSON(json.bytes)) == .after(cursor: text), "seed \(random.seed)")
        }
    }
}
