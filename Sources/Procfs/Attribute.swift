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

    package let path: String
    private var file: OpenFile?
    private var buffer: [UInt8] = []
    /// What `text()` gave the last time: most texts never change.
    private var lastText = ""

    package init(_ path: String) { self.path = path }

    deinit { close() }

    /// The value that `parse` finds in it. nil when the device does not tell: it has no such attribute, or the driver
    /// refuses to read it now (a sensor that is asleep), or only root may.
    ///
    /// - Throws: `KernelFileError` for what is not as it should be, or when this process has no more descriptors.
    package func value<Value>(
        _ parse: (inout ByteCursor) throws(ParseError) -> Value
    ) throws(KernelFileError) -> Value? {
        guard let count = try fill() else { return nil }
        var text: [UInt8] = []
        swap(&text, &buffer)
        var cursor = ByteCursor(text, count: count)
        text = []
        defer { buffer = cursor.takeBytes() }
        do throws(ParseError) { return try parse(&cursor) } catch { throw .malformed(path: path, error) }
    }

    /// The text without white space at its ends. It is always valid: what is no UTF-8, as firmware likes to write it,
    /// and zero bytes, at which some readers of the exposition stop, become U+FFFD, one for a row of them.
    package func text() throws(KernelFileError) -> String? {
        try value { cursor throws(ParseError) in
            let range = cursor.trimmed()
            if cursor.bytes[range].elementsEqual(lastText.utf8) { return lastText }
            var valid = String.UnicodeScalarView()
            for scalar in cursor.text(range).unicodeScalars {
                let shown = scalar == "\0" ? "\u{FFFD}" : scalar
                if shown != "\u{FFFD}" || valid.last != shown { valid.append(shown) }
            }
            lastText = String(valid)
            return lastText
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
            if let file { open = file } else { open = try OpenFile(path) }
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
            if error.isShortageOfOurs { throw .unreadable(path: path, error) }
            return nil
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

/// The devices of one directory: each is made when the directory is found to list it.
package struct DeviceList<Device> {
    package let path: String
    private var directory: KeptDirectory
    private let make: (_ name: String, _ path: String) throws(KernelFileError) -> Device?
    /// In the order of their names, `eth2` before `eth10`.
    package private(set) var devices: [Device] = []
    /// False when a device could not be made: all are tried again the next time.
    private var isComplete = false
    /// Another number each time that the devices were made anew: for what is made of all of them together.
    package private(set) var generation = 0

    /// `make` reads what does not change, and opens what does; nil for what is no device. When the directory changes,
    /// all are made anew.
    package init(
        _ path: String, make: @escaping (_ name: String, _ path: String) throws(KernelFileError) -> Device?
    ) {
        self.path = path
        directory = KeptDirectory(path)
        self.make = make
    }

    /// For what the directory does not show: the next `refresh` makes all devices anew.
    package mutating func forget() { directory = KeptDirectory(path) }

    /// Looks what is there now. False when this kernel has no such directory.
    package mutating func refresh() throws(KernelFileError) -> Bool {
        do throws(Errno) {
            let isChanged = try directory.refresh()
            if !isChanged, isComplete { return true }
        } catch {
            devices = []
            generation += 1
            if error == .notFound { return false }
            throw .unreadable(path: path, error)
        }
        devices = []
        isComplete = false
        generation += 1
        for name in directory.names.compactMap(\.text).sorted(by: { isBefore($0, $1) }) {
            if let device = try make(name, "\(path)/\(name)") { devices.append(device) }
        }
        isComplete = true
        return true
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
    /// The fault of this process or of the machine's memory, not of what was to be read.
    fileprivate var isShortageOfOurs: Bool {
        self == .processFileLimit || self == .systemFileLimit || self == .noMemory
    }
}

/// The order of names with numbers in them.
package func isBefore(_ left: String, _ right: String) -> Bool {
    var (a, b) = (ByteCursor(left), ByteCursor(right))
    while let x = a.next, let y = b.next {
        if let n = a.unsigned() {
            guard let m = b.unsigned() else { return x < y }
            if n != m { return n < m }
        } else {
            if x != y { return x < y }
            _ = (a.skip(byte: x), b.skip(byte: y))
        }
    }
    if a.isAtEnd != b.isAtEnd { return a.isAtEnd }
    // Equal but for zeros in front of a number.
    return left < right
}
