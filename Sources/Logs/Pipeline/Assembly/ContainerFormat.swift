// What a container runtime writes around each line, one entry a line of its file:
//
//     {"log":"GET /\n","stream":"stdout","time":"2016-10-06T00:17:09.669794202Z"}   docker
//     2016-10-06T00:17:09.669794202Z stdout F GET /                                 cri
//
// https://docs.docker.com/engine/logging/drivers/json-file/
// https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md

internal import Bytes

package enum ContainerFormat: String, CaseIterable, Sendable {
    /// Lines are what they are.
    case plain
    case docker
    case cri
}

/// Where a program in a container wrote to.
enum ContainerStream: UInt8 {
    case stdout, stderr

    var name: StaticString {
        switch self {
        case .stdout: "stdout"
        case .stderr: "stderr"
        }
    }
}

/// What the runtime says of a line, or of a piece of one: it cuts those that are longer than 16 KiB.
struct ContainerLine: Equatable {
    var stream: ContainerStream?
    var unixNanoseconds: Int64
    /// It ends here; else the next entry of the stream goes on with it.
    var isWhole: Bool
}

extension RecordDraft {
    /// Takes off what the runtime wrote, and leaves the text alone. Nil, and nothing has changed, when the text is not
    /// of that format.
    mutating func unwrap(_ format: ContainerFormat) -> ContainerLine? {
        switch format {
        case .plain: nil
        case .docker: unwrapDocker()
        case .cri: unwrapCRI()
        }
    }

    /// Time, stream and tags, each with one space after it. The tags stand between colons; the first is `P` for a
    /// piece, `F` for what ends a line.
    private mutating func unwrapCRI() -> ContainerLine? {
        guard let timeEnd = space(after: text.lowerBound),
            let unixNanoseconds = parseRuntimeTime(bytes, text.lowerBound..<timeEnd),
            let streamEnd = space(after: timeEnd + 1), let stream = stream(timeEnd + 1..<streamEnd)
        else { return nil }
        let tags = streamEnd + 1..<(space(after: streamEnd + 1) ?? text.upperBound)
        guard let tag = tags.isEmpty ? nil : bytes[tags.lowerBound],
            tags.count == 1 || bytes[tags.lowerBound + 1] == UInt8(ascii: ":"),
            tag == UInt8(ascii: "F") || tag == UInt8(ascii: "P")
        else { return nil }
        keepOnly(min(tags.upperBound + 1, text.upperBound)..<text.upperBound)
        return ContainerLine(
            stream: stream, unixNanoseconds: unixNanoseconds, isWhole: tag == UInt8(ascii: "F"))
    }

    private func space(after start: Int) -> Int? {
        bytes.firstIndex(of: UInt8(ascii: " "), in: start..<text.upperBound)
    }

    func stream(_ range: Range<Int>) -> ContainerStream? {
        if bytes[range].elementsEqual("stdout".utf8) { return .stdout }
        return bytes[range].elementsEqual("stderr".utf8) ? .stderr : nil
    }

    /// Nothing else stays in the buffer: what is held back must not hold what is not needed.
    mutating func keepOnly(_ range: Range<Int>) {
        bytes.removeSubrange(range.upperBound...)
        bytes.removeSubrange(..<range.lowerBound)
        text = 0..<bytes.count
    }
}

/// `2016-10-06T00:17:09.669794202Z`, also with an offset as `+02:00` (RFC 3339); nil for anything else.
func parseRuntimeTime(_ bytes: [UInt8], _ range: Range<Int>) -> Int64? {
    func digits(_ start: Int, _ count: Int) -> Int? {
        var value = 0
        for index in start..<start + count {
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit <= 9 else { return nil }
            value = value * 10 + Int(digit)
        }
        return value
    }
    func has(_ byte: UInt8, at index: Int) -> Bool { bytes[index] == byte }
    let start = range.lowerBound
    // Up to the seconds, and a zone.
    guard range.count >= 20, has(UInt8(ascii: "-"), at: start + 4), has(UInt8(ascii: "-"), at: start + 7),
        has(UInt8(ascii: "T"), at: start + 10), has(UInt8(ascii: ":"), at: start + 13),
        has(UInt8(ascii: ":"), at: start + 16),
        let year = digits(start, 4), let month = digits(start + 5, 2), let day = digits(start + 8, 2),
        let hour = digits(start + 11, 2), let minute = digits(start + 14, 2), let second = digits(start + 17, 2),
        hour <= 23, minute <= 59, second <= 60,
        var seconds = CivilTime.unixSeconds(year: year, month: month, day: day)
    else { return nil }
    seconds += Int64(hour * 3_600 + minute * 60 + second)
    var index = start + 19
    var nanoseconds: Int64 = 0
    if has(UInt8(ascii: "."), at: index) {
        index += 1
        var unit: Int64 = 100_000_000
        while index < range.upperBound, bytes[index] &- UInt8(ascii: "0") <= 9 {
            nanoseconds += Int64(bytes[index] - UInt8(ascii: "0")) * unit
            unit /= 10
            index += 1
        }
    }
    guard index < range.upperBound else { return nil }
    let zone = bytes[index]
    if zone == UInt8(ascii: "+") || zone == UInt8(ascii: "-") {
        guard range.upperBound - index == 6, has(UInt8(ascii: ":"), at: index + 3),
            let hours = digits(index + 1, 2), let minutes = digits(index + 4, 2)
        else { return nil }
        let offset = Int64(hours * 3_600 + minutes * 60)
        seconds += zone == UInt8(ascii: "+") ? -offset : offset
    } else if zone != UInt8(ascii: "Z") || range.upperBound - index != 1 {
        return nil
    }
    let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, carry) = whole.addingReportingOverflow(nanoseconds)
    return overflow || carry ? nil : sum
}
