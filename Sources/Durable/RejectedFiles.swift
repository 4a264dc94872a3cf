// The files of rejected records: their names, and one of them in the hands of somebody who sends its records again.
// What a line looks like stands in RejectedStore.swift.

internal import Bytes
package import Platform

/// Of the output with this name in the settings.
package func rejectedDirectory(of output: String, in stateDirectory: String) -> String {
    var name: [UInt8] = []
    name.append(fileNameEscaping: output)
    return "\(stateDirectory)/rejected/\(String(decoding: name, as: UTF8.self))"
}

/// `2026-11-21-0001.ndjson`: the day in UTC on which the first of its records was refused, so that a file's age can be
/// seen, and does not hang on what copies or touches it.
package struct RejectedFileName: Comparable, CustomStringConvertible, Sendable {
    /// Since 1970-01-01.
    package var day: Int64
    package var number: UInt64

    package init(day: Int64, number: UInt64) {
        self.day = day
        self.number = number
    }

    /// Nil for files of others.
    package init?(_ text: String) {
        var cursor = ByteCursor(text)
        guard let year = cursor.unsigned(), cursor.skip("-"), let month = cursor.unsigned(), cursor.skip("-"),
            let day = cursor.unsigned(), cursor.skip("-"), let number = cursor.unsigned(), cursor.skip(".ndjson"),
            cursor.isAtEnd,
            let seconds = CivilTime.unixSeconds(
                year: Int(clamping: year), month: Int(clamping: month), day: Int(clamping: day))
        else { return nil }
        self.init(day: seconds / 86_400, number: number)
    }

    static func day(of unixNanoseconds: Int64) -> Int64 { max(0, unixNanoseconds) / 86_400_000_000_000 }

    package var description: String {
        let time = CivilTime(unixSeconds: day * 86_400)
        var text: [UInt8] = []
        text.append(padded: time.year, width: 4)
        text.append("-")
        text.append(padded: time.month, width: 2)
        text.append("-")
        text.append(padded: time.day, width: 2)
        text.append("-")
        if number < 10_000 { text.append(padded: Int(number), width: 4) } else { text.append(decimal: number) }
        text.append(".ndjson")
        return String(decoding: text, as: UTF8.self)
    }

    package static func < (one: RejectedFileName, other: RejectedFileName) -> Bool {
        (one.day, one.number) < (other.day, other.number)
    }
}

/// One line of such a file, and where its parts stand in it.
package struct RejectedLine: Equatable, Sendable {
    /// Without the newline.
    package let bytes: [UInt8]
    package let input: String
    /// The record, one JSON value.
    package let record: Range<Int>

    /// Nil for what the agent has not written, or not to its end.
    package init?(_ bytes: [UInt8]) {
        // Quotes within strings are escaped, so that the first of these is the key.
        guard let json = parsed(bytes), let input = json["input"]?.string, json["record"] != nil,
            let key = bytes.firstRange(of: Array(",\"record\":".utf8)), bytes.last == UInt8(ascii: "}")
        else { return nil }
        self.bytes = bytes
        self.input = input
        record = key.upperBound..<bytes.count - 1
    }
}

private func parsed(_ bytes: [UInt8]) -> JSONValue? {
    do throws(JSONError) { return try parseJSON(bytes) } catch { return nil }
}

extension [UInt8] {
    fileprivate func firstRange(of other: [UInt8]) -> Range<Int>? {
        guard count >= other.count else { return nil }
        return (0...count - other.count).first { self[$0...].starts(with: other) }.map { $0..<$0 + other.count }
    }
}

package enum RejectedFileError: Error, Equatable, CustomStringConvertible {
    /// The agent writes it, or somebody else replays it, right now.
    case busy(path: String)
    case failed(path: String, Errno)

    package var description: String {
        switch self {
        case .busy(let path): "\(path): is being written or replayed by another process"
        case .failed(let path, let error): "\(path): \(error)"
        }
    }
}

/// A file of rejected records that nobody else writes or replays as long as this is kept.
package struct HeldRejectedFile: ~Copyable {
    private let directory: String
    private let name: String
    private let file: File
    package var path: String { "\(directory)/\(name)" }
    /// What stands in it, line by line; nil for lines that cannot be sent.
    package let lines: [(bytes: [UInt8], rejected: RejectedLine?)]

    /// Larger ones were not written by the agent.
    private static let byteLimit = 256 << 20

    package init(_ name: String, in directory: String) throws(RejectedFileError) {
        let path = "\(directory)/\(name)"
        do throws(Errno) {
            let file = try File(writing: path, .existing)
            guard try file.lock(), try !file.isRemoved() else { throw Errno.wouldBlock }
            lines = try readWhole(path, limit: Self.byteLimit).split(separator: UInt8(ascii: "\n")).map {
                (Array($0), RejectedLine(Array($0)))
            }
            self.file = file
        } catch {
            throw error == .wouldBlock ? .busy(path: path) : .failed(path: path, error)
        }
        self.directory = directory
        self.name = name
    }

    deinit { file.unlock() }

    /// Leaves these lines in the file, by their index; without any, the file goes.
    package func keep(_ indexes: [Int]) throws(RejectedFileError) {
        do throws(Errno) {
            if indexes.count == lines.count { return }
            if indexes.isEmpty {
                try removeFile("\(directory)/\(name)")
                return try syncDirectory(directory)
            }
            var text: [UInt8] = []
            for index in indexes {
                text.append(contentsOf: lines[index].bytes)
                text.append(UInt8(ascii: "\n"))
            }
            var disk = HostDisk()
            try replaceFile(name, in: directory, with: text, on: &disk)
        } catch { throw .failed(path: "\(directory)/\(name)", error) }
    }
}
