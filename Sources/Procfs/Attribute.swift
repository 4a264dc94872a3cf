// Files of sysfs that hold one value: attributes of devices. See Documentation/filesystems/sysfs.rst.
//
// A host may have thousands of them, so they share a limit of open descriptors, and each keeps a small buffer.

package import Bytes
internal import Platform
internal import Synchronization

/// One attribute. Made once for a device, and read as often as it is needed.
package final class Attribute {
    /// Descriptors that all attributes keep open together; those beyond it are opened each time. The kernel has 5 kB
    /// for each. Where nobody may have more than 1 024 in all, attributes take no more than a quarter of them.
    package static let keptOpenLimit = min(1_024, openFileLimit() / 4)
    private static let keptOpen = Atomic<Int>(0)

    /// Enough for a number; an attribute has at most a page.
    private static let firstBytes = 64
    private static let byteLimit = 4 << 10

    /// For messages: of names that are not UTF-8, as a person may see them.
    package var path: String { place.description }
    private let place: Path
    private var file: OpenFile?
    private var buffer: [UInt8] = []
    /// What `text()` gave the last time: most texts never change.
    private var lastText = ""

    package init(_ path: String) { place = Path(path) }
    package init(_ path: Path) { place = path }

    deinit { close() }

    /// The value that `parse` finds in it. nil when the device does not tell: it has no such attribute, or the driver
    /// refuses to read it now (a sensor that is asleep), or only root may.
    ///
    /// - Throws: `KernelFileError` for what is not as it should be, when the device failed while it was read, or when
    ///   this process has no more descriptors.
    package func value<Value>(
        _ parse: (inout ByteCursor) throws(ParseError) -> Value
    ) throws(KernelFileError) -> Value? {
        guard let count = try fill() else { return nil }
        var text: [UInt8] = []
        swap(&text, &buffer)
        var cursor = ByteCursor(text, count: count)
        text = []
        defer { buffer = cursor.takeBytes() }
        return try cursor.value(of: path, parse)
    }

    /// The text without white space at its ends. It is always valid: what is no UTF-8, as firmware likes to write it,
    /// and zero bytes, at which some readers of the exposition stop, become U+FFFD, one for a row of them. U+FFFD that
    /// stand in the attribute itself are valid, and stay as many as they are.
    package func text() throws(KernelFileError) -> String? {
        try value { cursor throws(ParseError) in
            let range = cursor.trimmed()
            if cursor.bytes[range].elementsEqual(lastText.utf8) { return lastText }
            lastText = Self.valid(cursor.bytes[range])
            return lastText
        }
    }

    private static func valid(_ bytes: ArraySlice<UInt8>) -> String {
        var valid = String.UnicodeScalarView()
        var parser = Unicode.UTF8.ForwardParser()
        var source = bytes.makeIterator()
        var isInRow = false
        while true {
            switch parser.parseScalar(from: &source) {
            case .emptyInput: return String(valid)
            case .valid(let units):
                let scalar = Unicode.UTF8.decode(units)
                if scalar != "\0" {
                    valid.append(scalar)
                    isInRow = false
                    continue
                }
                fallthrough
            case .error:
                if !isInRow { valid.append("\u{FFFD}") }
                isInRow = true
            }
        }
    }

    /// A number, as the kernel writes it in decimal digits. nil also for an attribute that is empty.
    package func number() throws(KernelFileError) -> Double? {
        try value { cursor throws(ParseError) in
            let range = cursor.trimmed()
            if range.isEmpty { return nil }
            guard let number = cursor.decimal(), cursor.index == range.upperBound else {
                throw cursor.error("a number")
            }
            return number
        } ?? nil
    }

    /// The same for attributes that hold a number or not, as drivers please: nil for any other text.
    package func numberIfAny() throws(KernelFileError) -> Double? {
        try value { cursor throws(ParseError) -> Double? in
            let range = cursor.trimmed()
            let number = cursor.decimal()
            return cursor.index == range.upperBound ? number : nil
        } ?? nil
    }

    /// Reads it whole. nil when the device does not tell.
    private func fill() throws(KernelFileError) -> Int? {
        if buffer.isEmpty { buffer = [UInt8](repeating: 0, count: Self.firstBytes) }
        do throws(Errno) {
            let open: OpenFile
            if let file { open = file } else { open = try OpenFile(place) }
            // A driver gives all of it to one read: what does not fill the buffer is whole.
            var count = try open.file.read(into: &buffer, at: 0)
            while count == buffer.count, count < Self.byteLimit {
                buffer.append(contentsOf: repeatElement(0, count: count))
                count = try open.file.read(into: &buffer, at: 0)
            }
            keep(open)
            return count
        } catch {
            close()
            if error.isSilenceOfDevice { return nil }
            throw .unreadable(path: path, error)
        }
    }

    private func keep(_ open: OpenFile) {
        guard file == nil else { return }
        if Self.keptOpen.add(1, ordering: .relaxed).newValue <= Self.keptOpenLimit {
            file = open
        } else {
            Self.keptOpen.subtract(1, ordering: .relaxed)
        }
    }

    private func close() {
        if file != nil { Self.keptOpen.subtract(1, ordering: .relaxed) }
        file = nil
    }
}

extension ByteCursor {
    /// The text without white space at its ends, with the cursor at its beginning.
    package mutating func trimmed() -> Range<Int> {
        while let byte = next, byte <= UInt8(ascii: " ") { _ = skip(byte: byte) }
        var last = end
        while last > index, bytes[last - 1] <= UInt8(ascii: " ") { last -= 1 }
        return index..<last
    }
}

extension Errno {
    /// What drivers answer when there is nothing to tell: no such attribute, not for this user, nothing connected,
    /// asleep, switched off. Everything else, EIO first of all, is a device that should have told and could not.
    fileprivate var isSilenceOfDevice: Bool {
        switch self {
        case .notFound, .notDirectory, .isDirectory, .tooManyLinks, .noDevice, .noAddress: true
        case .accessDenied, .notPermitted: true
        case .wouldBlock, .noData, .invalid, .notSupported, .noSystemCall, .busy, .networkDown: true
        default: false
        }
    }
}
