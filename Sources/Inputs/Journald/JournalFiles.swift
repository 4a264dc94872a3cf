// The journal's files as the file system shows them. libsystemd leaves out in silence what it cannot open or what is
// damaged; this finds out what it left out, so that it can be said.

internal import Bytes
internal import CLinux
internal import Glibc
internal import Platform

/// A look at the directories in which libsystemd looks. See systemd-journald.service(8), Files.
struct JournalFiles {
    struct Found {
        let path: String
        let id: FileID
        let mayBeRead: Bool
    }

    private(set) var files: [Found] = []
    /// The directories that exist.
    private(set) var directories: [String] = []
    /// Directories that are there and could not be listed, with the reason.
    private(set) var unlisted: [String] = []
    private let wanted: [String]

    init(_ source: JournalSource) {
        switch source {
        case .directory(let directory):
            wanted = [directory]
            // Those that are named for a machine, and not for a namespace of it.
            look(in: directory) { Self.namespace(of: $0) == nil }
        case .host(let namespaces):
            wanted = ["/var/log/journal", "/run/log/journal"]
            let machine = Self.machineID()
            for directory in wanted {
                look(in: directory) { name in
                    guard name.hasPrefix(machine), !machine.isEmpty else { return false }
                    return namespaces.has(Self.namespace(of: name))
                }
            }
        }
    }

    /// `NAME` of `ID.NAME`.
    private static func namespace(of directory: String) -> String? {
        directory.utf8.count > 33 ? String(directory.dropFirst(33)) : nil
    }

    /// 32 hexadecimal digits, or these, a dot and the name of a namespace.
    private static func isOfMachine(_ name: String) -> Bool {
        let bytes = name.utf8
        return bytes.prefix(32).count { $0.hexadecimalDigit != nil } == 32
            && (bytes.count == 32 || bytes.count > 33 && bytes.dropFirst(32).first == UInt8(ascii: "."))
    }

    private static func machineID() -> String {
        do throws(Errno) {
            let text = try readWhole("/etc/machine-id", limit: 4_096)
            return String(decoding: text.filter { $0.hexadecimalDigit != nil }, as: UTF8.self)
        } catch {
            // libsystemd reads none but runtime journals then; neither do we expect others.
            return ""
        }
    }

    private mutating func look(in directory: String, machine isWanted: (String) -> Bool) {
        for name in list(directory) {
            let path = "\(directory)/\(name)"
            if Self.isOfMachine(name) {
                guard isWanted(name) else { continue }
                for file in list(path) { add("\(path)/\(file)") }
            } else {
                add(path)
            }
        }
    }

    private mutating func list(_ directory: String) -> [String] {
        do throws(Errno) {
            let names = try textEntries(directory)
            directories.append(directory)
            return names
        } catch .notFound {
            return []
        } catch {
            directories.append(directory)
            unlisted.append("\(directory): \(error)")
            return []
        }
    }

    private mutating func add(_ path: String) {
        guard path.hasSuffix(".journal") || path.hasSuffix(".journal~") else { return }
        do throws(Errno) {
            let status = try FileStatus(of: path)
            // A file that journald has just made is empty.
            guard status.kind == .regular, status.sizeBytes > 0 else { return }
            files.append(Found(path: path, id: status.id, mayBeRead: Self.mayBeRead(path)))
        } catch {
            // Removed between the listing and now.
        }
    }

    private static func mayBeRead(_ path: String) -> Bool {
        do throws(Errno) {
            _ = try File(reading: path)
            return true
        } catch {
            return error != .accessDenied && error != .notPermitted
        }
    }

    /// Why there is nothing to read.
    var absence: String {
        let places = wanted.joined(separator: " or ")
        if let first = unlisted.first { return "\(first); \(Self.advice)" }
        if let refused { return refused }
        if directories.isEmpty { return "there is no journal: no directory \(places)" }
        return files.isEmpty
            ? "there is no journal in \(places)"
            : "no file of the journal in \(places) can be used, of \(files.count)"
    }

    /// What this user may not read; nil when there is no such file.
    var refused: String? {
        let refused = files.filter { !$0.mayBeRead }
        guard let first = refused.first else { return nil }
        let others = refused.count > 1 ? " and \(refused.count - 1) more" : ""
        return "\(first.path)\(others): permission denied; \(Self.advice)"
    }

    private static let advice = "the agent's user must be in the group systemd-journal"

    /// Files that may be read and that this process does not hold open: those that libsystemd has given up.
    func givenUp() -> [Found] {
        var held: Set<FileID> = []
        do throws(Errno) {
            for name in try textEntries("/proc/self/fd") {
                do throws(Errno) { held.insert(try FileStatus(of: "/proc/self/fd/\(name)").id) } catch {
                    // The descriptor of the listing itself, closed by now.
                }
            }
        } catch {
            return []
        }
        return files.filter { $0.mayBeRead && !held.contains($0.id) }
    }
}

/// One descriptor that stays the same while journals are opened and closed: readable when the journal's own is.
final class JournalWake: Sendable {
    let descriptor: Int32

    init?() {
        descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard descriptor >= 0 else { return nil }
    }

    deinit { if descriptor >= 0 { Glibc.close(descriptor) } }

    /// `events` are bits of poll(2), which epoll(7) shares. Nothing is to be undone: a descriptor that is closed is
    /// watched no longer.
    func watch(_ journal: Int32, _ events: Int32) -> Errno? {
        var event = unsafe epoll_event()
        unsafe event.events = UInt32(bitPattern: events)
        return unsafe epoll_ctl(descriptor, EPOLL_CTL_ADD, journal, &event) == 0 ? nil : .current
    }
}
