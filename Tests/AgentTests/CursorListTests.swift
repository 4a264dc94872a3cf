// Cursors as their inputs write them, in; a table for people, out.

import Agent
import Bytes
import Durable
import Foundation
import Inputs
import Platform
import TestSupport
import Testing

@Suite struct CursorListTests {
    private let own: TemporaryDirectory

    init() throws { own = try TemporaryDirectory() }

    private func save(_ cursor: String, _ input: String, _ output: String = "central") throws {
        var log = CursorLog(
            stateDirectory: own.path, input: input, output: output, disk: HostCursorDisk(), log: .silent)
        let value = try parseJSON(Array(cursor.utf8))
        var lines = CursorLines()
        lines.put(0) { $0.value(value) }
        try log.beginSnapshot()
        try log.addToSnapshot(lines)
        try log.endSnapshot()
    }

    /// Cells, without the spaces between them.
    private func rows(_ text: String) -> [[String]] {
        text.split(separator: "\n").map { line in
            line.components(separatedBy: "  ").map { $0.trimmingCharacters(in: [" "]) }.filter { !$0.isEmpty }
        }
    }

    @Test func eachKindOfInputIsALineThatCanBeRead() throws {
        let path = try own.write("app.log", "12345678901234567890")
        let id = try FileStatus(of: path).id
        let old = try FileStatus(of: try own.write("app.log.1", "1234567890")).id
        func print(_ text: String) -> String {
            let print = FilePrint.Head(of: ArraySlice(text.utf8))
            return "\"print\":\(print.checksum.value),\"print_length\":\(print.length)"
        }
        try save(
            """
            {"version":1,"files":[
            {"path":"\(path)","device":\(id.device),"inode":\(id.inode),\(print("123456789")),"offset":8,"size":9},
            {"path":"\(path)","device":\(old.device),"inode":\(old.inode),\(print("123456789")),"offset":10,"size":9},
            {"path":"/zone/gone\\u001b[2J\u{202E}\\u2028x","device":1,"inode":2,\(print("1")),"offset":5,"size":3005}],
            "floors":[],"since":[]}
            """, "app")
        try save(#"{"version":1,"files":[],"floors":[],"since":[]}"#, "empty")
        try save(#"{"documents":[{"time":1,"text":"{}"},{"time":2,"text":"{\"a\":1}"}]}"#, "host")
        try save(#"{"cursor":"s=9b;i=1;b=c7;m=2;t=5f2b1c2d3e4f5;x=8"}"#, "journal1")
        try save(#"{"cursor":"another form"}"#, "journal2")
        try save(#"{"since_usec":1700000000999999}"#, "journal3")
        try save("null", "nothing")
        try save(#"{"later":1}"#, "other")
        let (text, problems) = try cursorTable(stateDirectory: own.path)
        #expect(problems.isEmpty)
        #expect(
            rows(text) == [
                ["INPUT", "OUTPUT", "SOURCE", "IDENTITY", "POSITION", "SIZE", "LAG", "STATE"],
                // What the file has now, and what the other had when it was last seen.
                ["app", "central", path, "\(id.device):\(id.inode)", "8", "20", "12 B", "live"],
                ["app", "central", path, "\(old.device):\(old.inode)", "10", "10", "0 B", "rotated: app.log.1"],
                ["app", "central", "/zone/gone\\x1b[2J\\u{202e}\\u{2028}x", "1:2", "5", "3005", "2.9 KiB", "gone"],
                ["empty", "central", "no file yet", "-", "-", "-", "-", "-"],
                ["host", "central", "metrics", "-", "2 to be sent", "-", "9 B", "-"],
                ["journal1", "central", "journal", "-", "2023-01-20T13:09:35Z", "-", "-", "-"],
                ["journal2", "central", "journal", "-", "another form", "-", "-", "-"],
                ["journal3", "central", "journal", "-", "2023-11-14T22:13:20Z", "-", "-", "-"],
                ["nothing", "central", "nothing yet", "-", "-", "-", "-", "-"],
                ["other", "central", #"{"later":1}"#, "-", "-", "-", "-", "-"],
            ])
    }

    @Test func asJSONItIsWhatTheFilesHold() throws {
        #expect(try cursorJSON(stateDirectory: own.path).text == Array("[]\n".utf8))
        try save(#"{"later":[1, 2]}"#, "a")
        try save("null", "b")
        let (text, problems) = try cursorJSON(stateDirectory: own.path)
        #expect(problems.isEmpty)
        let said = try #require(try parseJSON(text).array)
        #expect(
            said.map { $0["input"]?.string } == ["a", "b"] && said.allSatisfy { $0["output"]?.string == "central" })
        #expect(said.first?["cursor"]?["later"]?.array?.count == 2)
    }

    @Test func whatIsDamagedIsSaidAndNotCalledAbsent() throws {
        #expect(try cursorTable(stateDirectory: own.path).text == "no cursors in \(own.path)\n")
        let path = try own.write("cursors/a~b.json", "{")
        let (text, problems) = try cursorTable(stateDirectory: own.path)
        #expect(text.isEmpty)
        #expect(problems == ["\(path): not a cursor file of version 1"])
        try save(#"{"version":1,"files":[{"path":"/half"}],"floors":[],"since":[]}"#, "half")
        #expect(
            try cursorTable(stateDirectory: own.path).problems.last?.hasSuffix("entries that cannot be understood: 1")
                == true
        )
    }
}
