// By what text a file is known: a checksum of its first bytes, which stay the same in a file that is only appended to,
// and one of some bytes further inside, because programs write the same banner at the beginning of each of their logs.

package import Bytes
internal import Logs
package import Platform

package struct FilePrint: Hashable, Sendable {
    /// The first `length` bytes of a text, as a checksum. It grows with the text up to `lengthLimit`.
    package struct Head: Hashable, Sendable {
        /// One read, and enough for two logs of the same program to differ in time stamps.
        package static let lengthLimit = 1024

        package private(set) var length: Int
        package private(set) var checksum: Fingerprint

        package init(length: Int = 0, checksum: Fingerprint = Fingerprint()) {
            self.length = length
            self.checksum = checksum
        }

        package init(of start: ArraySlice<UInt8>) {
            self.init()
            grow(from: start)
        }

        package var isWhole: Bool { length >= Self.lengthLimit }

        /// False for a start that differs, or that is shorter: a file that is only appended to does not shrink.
        package func begins(_ start: ArraySlice<UInt8>) -> Bool {
            guard start.count >= length else { return false }
            var other = Fingerprint()
            other.add(start.prefix(length))
            return other == checksum
        }

        /// By what `start` has more. NULs at its end may be bytes that are not written yet, so they are left out until
        /// something stands behind them.
        package mutating func grow(from start: ArraySlice<UInt8>) {
            var more = start.prefix(Self.lengthLimit).dropFirst(length)
            while more.last == 0 { more.removeLast() }
            checksum.add(more)
            length += more.count
        }
    }

    /// The last KiB before `end`, as a checksum.
    package struct Inner: Hashable, Sendable {
        /// A few lines.
        package static let length = 1024
        /// No further inside: the text before it must be inflated to look at that of a compressed file, and hardly any
        /// banner is as long.
        package static let endLimit: UInt64 = 64 << 10

        /// An offset of the text; the more of it the better, up to `endLimit`.
        package let end: UInt64
        package let checksum: Fingerprint

        package init(end: UInt64, checksum: Fingerprint) {
            self.end = end
            self.checksum = checksum
        }

        /// Where that of a file ends of which so much is seen. Nil when the first bytes tell all of it.
        static func end(seen offset: UInt64) -> UInt64? {
            offset > UInt64(Head.lengthLimit) ? min(offset, endLimit) : nil
        }

        /// Whether one that ends at `end` is worth its reading. Each line makes it grow otherwise.
        static func isWorth(_ end: UInt64, over known: Inner?) -> Bool {
            guard let known else { return true }
            return end >= 2 * known.end || end == endLimit && known.end < endLimit
        }

        /// Of a text that ends with `bytes` before `end`. Nil when they are too few.
        init?(end: UInt64, last bytes: ArraySlice<UInt8>) {
            guard bytes.count >= Self.length else { return nil }
            var checksum = Fingerprint()
            checksum.add(bytes.suffix(Self.length))
            self.init(end: end, checksum: checksum)
        }

        func match(_ found: InnerText) -> Match {
            switch found {
            case .text(let text): text == self ? .same : .other
            // That a power cut took the end of a file, which then comes twice, is rarer than a file that was written
            // from its beginning again.
            case .ended: .other
            case .unwritten: .unwritten
            case .unreadable(let error): .unreadable(error)
            }
        }
    }

    /// Whether a text is the one that was seen.
    package enum Match: Equatable, Sendable {
        case same, other
        /// As much as was seen has not been written there yet.
        case unwritten
        /// It cannot be said now.
        case unreadable(Errno)
    }

    package var head: Head
    /// Nil when no more was seen than `head` tells.
    package var inner: Inner?

    package init(head: Head = Head(), inner: Inner? = nil) {
        self.head = head
        self.inner = inner
    }

    /// Of as much of a text as was seen.
    init(of text: FileText, seen offset: UInt64) {
        self.init(head: Head(of: text.start))
        if let end = Inner.end(seen: offset), case .text(let found) = text.inner(before: end) { inner = found }
    }

    /// Of nothing: it identifies no file.
    package var isEmpty: Bool { head.length == 0 }
    /// It does not grow any more.
    var isWhole: Bool { head.isWhole && inner?.end == Inner.endLimit }

    func match(_ text: FileText) -> Match {
        guard text.isKnown else { return .unwritten }
        guard head.begins(text.start) else { return .other }
        guard let inner, text.form != .otherCompression else { return .same }
        return inner.match(text.inner(before: inner.end))
    }
}

/// The bytes that a print is of, as they were last found right: looked at for each piece that is read.
struct QuickPrint {
    fileprivate var head: (length: Int, sum: QuickSum)?
    fileprivate var inner: (end: UInt64, sum: QuickSum)?
}

extension File {
    /// Whether a plain file that is open has the text of a print. Its first bytes are then the first ones in `reader`.
    func match(
        _ print: FilePrint, _ quick: inout QuickPrint, through reader: inout TextReader
    ) -> (match: FilePrint.Match, startCount: Int) {
        do throws(Errno) {
            if let inner = print.inner {
                let match = try match(inner, &quick, through: &reader)
                guard match == .same else { return (match, 0) }
            }
            let count = try reader.read(self, at: 0)
            let length = print.head.length
            guard count >= length else { return (.other, count) }
            let sum = QuickSum(reader.bytes[..<length])
            if let known = quick.head, known.length == length, known.sum == sum { return (.same, count) }
            guard print.head.begins(reader.bytes[..<count]) else { return (.other, count) }
            quick.head = (length, sum)
            return (.same, count)
        } catch {
            return (.unreadable(error), 0)
        }
    }

    private func match(
        _ inner: FilePrint.Inner, _ quick: inout QuickPrint, through reader: inout TextReader
    ) throws(Errno) -> FilePrint.Match {
        let count = try reader.read(self, at: inner.end - UInt64(FilePrint.Inner.length))
        guard count >= FilePrint.Inner.length else { return .other }
        let sum = QuickSum(reader.bytes[..<FilePrint.Inner.length])
        if let known = quick.inner, known.end == inner.end, known.sum == sum { return .same }
        guard FilePrint.Inner(end: inner.end, last: reader.bytes[..<count]) == inner else { return .other }
        quick.inner = (inner.end, sum)
        return .same
    }

    /// Makes a print grow by what stands before `offset`, when that is further inside than what is known.
    func grow(
        _ print: inout FilePrint, seen offset: UInt64, in form: TextForm, through reader: inout TextReader
    ) throws(Errno) {
        guard let end = FilePrint.Inner.end(seen: offset), FilePrint.Inner.isWorth(end, over: print.inner),
            case .text(let text) = try innerText(.plain, before: end, through: &reader)
        else { return }
        // NULs at its end may be bytes that are not written yet.
        if form.unwrittenBytes(reader.bytes, upTo: FilePrint.Inner.length) == 0 { print.inner = text }
    }
}
