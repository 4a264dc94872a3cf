// inotify(7): the kernel says which name in a watched directory changed.

package import Bytes
internal import CLinux
internal import Glibc

/// What happened to a name in a watched directory.
package struct INotifyEvent: Sendable, Equatable {
    package struct Mask: OptionSet, Sendable {
        package let rawValue: UInt32
        package init(rawValue: UInt32) { self.rawValue = rawValue }

        package static let modified = Mask(rawValue: 0x0000_0002)
        package static let attributes = Mask(rawValue: 0x0000_0004)
        package static let movedFrom = Mask(rawValue: 0x0000_0040)
        package static let movedTo = Mask(rawValue: 0x0000_0080)
        package static let created = Mask(rawValue: 0x0000_0100)
        package static let deleted = Mask(rawValue: 0x0000_0200)
        package static let selfDeleted = Mask(rawValue: 0x0000_0400)
        package static let selfMoved = Mask(rawValue: 0x0000_0800)
        package static let overflow = Mask(rawValue: 0x0000_4000)
        /// The watch is gone: its directory was removed or unmounted.
        package static let ignored = Mask(rawValue: 0x0000_8000)
        package static let onlyDirectory = Mask(rawValue: 0x0100_0000)
        /// Added to what is asked of that directory already, perhaps under another name.
        package static let added = Mask(rawValue: 0x2000_0000)
        package static let isDirectory = Mask(rawValue: 0x4000_0000)

        /// A name that was not there before. Written as a literal in another module, it would be an array each time.
        package static let arrivals: Mask = [.created, .movedTo]
        /// Names that come and go.
        package static let names: Mask = [
            .movedFrom, .movedTo, .created, .deleted, .selfDeleted, .selfMoved, .onlyDirectory, .added,
        ]
        /// Besides, files whose content or permissions change.
        package static let contents: Mask = [.names, .modified, .attributes]
    }

    /// -1 for an overflow, which belongs to no watch.
    package let watch: Int32
    package let mask: Mask
    /// Empty when it is the directory itself.
    package let name: Path
}

/// Parses what one read of the descriptor gave: 16 bytes of header, then the name, padded with NULs. What is cut off at
/// the end is left out; the kernel writes whole events only.
package func parseINotifyEvents(_ bytes: [UInt8], count: Int) -> [INotifyEvent] {
    func word(_ at: Int) -> UInt32 {
        // The kernel writes in its own byte order, which is little-endian on all machines that Swift builds for.
        (0..<4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32(bytes[at + $1]) }
    }
    let end = min(count, bytes.count)
    var events: [INotifyEvent] = []
    var at = 0
    while at + 16 <= end {
        let length = Int(word(at + 12))
        guard length <= end - at - 16 else { break }
        let name = bytes[at + 16..<at + 16 + length].prefix { $0 != 0 }
        let event = INotifyEvent(
            watch: Int32(bitPattern: word(at)), mask: .init(rawValue: word(at + 4)),
            name: Path(name))
        // A writer that calls write(2) often fills the queue with the same event.
        if event != events.last { events.append(event) }
        at += 16 + length
    }
    return events
}

/// One inotify instance. Watches are numbers; the same directory gives the same number.
package final class INotify {
    /// Room for at least 240 events of the longest names.
    private static let bufferBytes = 64 << 10

    private let file: File
    /// For tests of what happens at `fs.inotify.max_user_watches`.
    private let watchLimit: Int
    private var watches: Set<Int32> = []
    private var buffer = [UInt8](repeating: 0, count: bufferBytes)

    /// - Throws: `EMFILE` when the user has as many instances as `fs.inotify.max_user_instances` allows.
    package init(watchLimit: Int = .max) throws(Errno) {
        self.watchLimit = watchLimit
        let descriptor = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
        guard descriptor >= 0 else { throw .current }
        file = File(owning: descriptor)
    }

    package var descriptor: Int32 { file.descriptor }

    /// - Throws: `ENOSPC` beyond `fs.inotify.max_user_watches`, and what open(2) would throw.
    package func watch(_ directory: Path, _ mask: INotifyEvent.Mask) throws(Errno) -> Int32 {
        let descriptor = descriptor
        let watch = unsafe directory.withCString { unsafe inotify_add_watch(descriptor, $0, mask.rawValue) }
        guard watch >= 0 else { throw .current }
        if watches.insert(watch).inserted, watches.count > watchLimit {
            remove(watch)
            throw .noSpace
        }
        return watch
    }

    package func remove(_ watch: Int32) {
        watches.remove(watch)
        _ = inotify_rm_watch(descriptor, watch)
    }

    /// What has been queued, as far as one buffer holds it; empty when there is nothing.
    package func events() throws(Errno) -> [INotifyEvent] {
        let descriptor = descriptor
        do throws(Errno) {
            let count = try retryingOnInterrupt {
                unsafe buffer.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, $0.count) }
            }
            return parseINotifyEvents(buffer, count: count)
        } catch .wouldBlock {
            return []
        }
    }
}
