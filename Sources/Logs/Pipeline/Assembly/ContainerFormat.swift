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
