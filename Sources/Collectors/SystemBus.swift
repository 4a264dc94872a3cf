// Questions to services on the system bus, by libsystemd's sd-bus: sd-bus(3), and dbus-specification.html of D-Bus.
//
// All questions are sent at once over one connection that is kept, and answers are taken as they come: a hundred units
// cost one round trip. Nothing here waits longer than its deadline, so no call of libsystemd is used that waits by
// itself. After a deadline the connection is dropped, so that answers that come too late are nobody's.

internal import CSystemd
internal import Glibc
internal import Platform

/// Why the bus gave no answer.
enum BusError: Error, Equatable, CustomStringConvertible {
    /// libsystemd cannot be opened; with the loader's own words.
    case noLibrary(String)
    /// There is no bus on this host, or nobody with that name on it.
    case absent(String)
    case late
    case failed(call: String, Errno)
    /// The service answered with an error: its name and its text.
    case refused(name: String, text: String)

    var description: String {
        switch self {
        case .noLibrary(let reason): "libsystemd cannot be loaded: install the package libsystemd0 (\(reason))"
        case .absent(let reason): reason
        case .late: "no answer on the system bus in time"
        case .failed(let call, let errno): "\(call): \(errno)"
        case .refused(let name, let text): "\(name): \(text)"
        }
    }
}

/// One method call, with texts for arguments.
struct BusCall {
    var service: String
    var path: String
    var interface: String
    var member: String
    var arguments: [String] = []

    /// The value of one property, as a variant.
    static func property(_ name: String, of interface: String, at path: String, service: String) -> BusCall {
        BusCall(
            service: service, path: path, interface: "org.freedesktop.DBus.Properties", member: "Get",
            arguments: [interface, name])
    }
}

/// A connection that is opened when it is needed. Belongs to one collector, which one thread at a time asks.
@safe final class SystemBus {
    static let libraryName = "libsystemd.so.0"
    /// Where the service manager listens for root alone, without a bus between.
    static let managerAddress = "unix:path=/run/systemd/private"
    /// Questions under way at the same time: dbus-daemon takes 128 of a connection, and refuses those beyond.
    private static let windowLimit = 64

    private let isPrivate: Bool
    private let library: String
    private var connection: OpaquePointer?

    /// `isPrivate`: the service manager itself rather than a bus.
    init(isPrivate: Bool = false, library: String = SystemBus.libraryName) {
        self.isPrivate = isPrivate
        self.library = library
        unsafe connection = nil
    }

    deinit { close() }

    /// When to stop waiting: after `timeout`, or when a fifth of the scrape's time is left for the rest of the work.
    static func deadline(_ timeout: Duration, scrape deadline: Instant) -> Instant {
        let now = Instant.now
        return min(now + timeout, now + (deadline - now) * 4 / 5)
    }

    /// Asks all of `calls`, and gives each answer to `take` with the number of its call, in the order in which they
    /// come. An answer may be an error: `BusAnswer.hasNothing`.
    func ask(
        _ calls: [BusCall], until deadline: Instant, _ take: (Int, BusAnswer) throws(BusError) -> Void
    ) throws(BusError) {
        let wasOpen = unsafe connection != nil
        var hasAnswers = false
        do throws(BusError) {
            try askOnce(calls, until: deadline) { number, answer throws(BusError) in
                hasAnswers = true
                try take(number, answer)
            }
        } catch {
            // The bus was started anew since the last time: only sending shows it.
            guard wasOpen, !hasAnswers, case .failed = error else { throw error }
            try askOnce(calls, until: deadline, take)
        }
    }

    private func askOnce(
        _ calls: [BusCall], until deadline: Instant, _ take: (Int, BusAnswer) throws(BusError) -> Void
    ) throws(BusError) {
        do throws(BusError) {
            let bus = try unsafe open()
            var waiting: [UInt64: Int] = [:]
            var next = 0
            while next < calls.count || !waiting.isEmpty {
                while next < calls.count, waiting.count < Self.windowLimit {
                    waiting[try unsafe send(calls[next], on: bus)] = next
                    next += 1
                }
                guard let answer = try unsafe receive(from: bus, until: deadline) else { throw .late }
                // What is no answer is a signal, or an answer to nobody.
                if let cookie = answer.cookie, let number = waiting.removeValue(forKey: cookie) {
                    try take(number, answer)
                }
            }
        } catch {
            close()
            throw error
        }
    }

    func close() {
        if let bus = unsafe connection { unsafe bus_close_unref(bus) }
        unsafe connection = nil
    }

    private func open() throws(BusError) -> OpaquePointer {
        if let bus = unsafe connection { return unsafe bus }
        var reason = [CChar](repeating: 0, count: 256)
        guard unsafe csystemd_load(library, &reason, reason.count) == 0 else {
            throw .noLibrary(
                String(decoding: reason.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
        }
        var opened: OpaquePointer?
        let what = isPrivate ? "connecting to \(Self.managerAddress)" : "connecting to the system bus"
        do throws(BusError) {
            if isPrivate {
                _ = try check("sd_bus_new", unsafe bus_new(&opened))
                _ = try check("sd_bus_set_address", unsafe bus_set_address(opened, Self.managerAddress))
                _ = try check(what, unsafe bus_start(opened))
            } else {
                _ = try check(what, unsafe bus_open_system(&opened))
            }
        } catch {
            if let opened = unsafe opened { unsafe bus_close_unref(opened) }
            if case .failed(_, let errno) = error, errno == .notFound || errno == Errno(code: ECONNREFUSED) {
                throw .absent("\(what): \(errno)")
            }
            throw error
        }
        guard let bus = unsafe opened else { throw .failed(call: what, .invalid) }
        unsafe connection = bus
        return unsafe bus
    }

    private func send(_ call: BusCall, on bus: OpaquePointer) throws(BusError) -> UInt64 {
        var made: OpaquePointer?
        _ = try check(
            "sd_bus_message_new_method_call",
            unsafe bus_message_new_method_call(
                bus, &made, isPrivate ? nil : call.service, call.path, call.interface, call.member))
        guard let message = unsafe made else { throw .failed(call: "sd_bus_message_new_method_call", .invalid) }
        defer { unsafe bus_message_unref(message) }
        // Who only looks must not start what does not run.
        _ = try check("sd_bus_message_set_auto_start", unsafe bus_message_set_auto_start(message, 0))
        for argument in call.arguments {
            let answer = unsafe argument.withCString { text in
                unsafe bus_message_append_basic(message, CChar(UInt8(ascii: "s")), text)
            }
            _ = try check("sd_bus_message_append_basic", answer)
        }
        var cookie: UInt64 = 0
        _ = try check("sd_bus_send", unsafe bus_send(bus, message, &cookie))
        return cookie
    }

    /// The next message; nil when none came by the deadline.
    private func receive(from bus: OpaquePointer, until deadline: Instant) throws(BusError) -> BusAnswer? {
        while true {
            var message: OpaquePointer?
            let didWork = try check("the system bus", unsafe bus_process(bus, &message)) > 0
            if let message = unsafe message { return unsafe BusAnswer(owning: message) }
            if didWork { continue }
            let left = (deadline - .now).nanoseconds / 1_000
            guard left > 0 else { return nil }
            let answer = unsafe bus_wait(bus, UInt64(left))
            // A signal of this process may interrupt it.
            if answer != -EINTR { _ = try check("sd_bus_wait", answer) }
        }
    }
}

/// A message that came, read from its beginning to its end.
@safe final class BusAnswer {
    private let message: OpaquePointer

    fileprivate init(owning message: OpaquePointer) { unsafe self.message = message }

    deinit { unsafe bus_message_unref(message) }

    fileprivate var cookie: UInt64? {
        var cookie: UInt64 = 0
        return unsafe bus_message_get_reply_cookie(message, &cookie) >= 0 ? cookie : nil
    }

    /// The error that it is; nil when it is an answer.
    private var refusal: BusError? {
        var name: UnsafePointer<CChar>?
        var text: UnsafePointer<CChar>?
        unsafe bus_message_error(message, &name, &text)
        guard let name = unsafe name else { return nil }
        let reason = unsafe text.map { unsafe String(cString: $0) } ?? ""
        return .refused(name: unsafe String(cString: name), text: reason)
    }

    /// Throws the error that it is.
    func throwRefusal() throws(BusError) {
        guard let refusal else { return }
        if case .refused(let name, let text) = refusal, Self.isNobody(name) { throw .absent(text) }
        throw refusal
    }

    /// Whether the service has no answer: what was asked about has gone, or the service is too old to know of it.
    ///
    /// - Throws: `BusError` when it was not the service that refused, but the bus between.
    func hasNothing() throws(BusError) -> Bool {
        guard case .refused(let name, _) = refusal else { return false }
        if Self.isNobody(name) || Self.busErrors.contains(name) { try throwRefusal() }
        return true
    }

    private static func isNobody(_ name: String) -> Bool {
        name == "org.freedesktop.DBus.Error.ServiceUnknown" || name == "org.freedesktop.DBus.Error.NameHasNoOwner"
    }

    private static let busErrors = ["LimitsExceeded", "NoReply", "Timeout", "TimedOut", "Disconnected", "NoMemory"]
        .map { "org.freedesktop.DBus.Error.\($0)" }

    /// Reads an array whose elements are structures of `fields`, calling `body` within each.
    func forEachStructure(_ fields: String, _ body: () throws(BusError) -> Void) throws(BusError) {
        guard try enter("a", "(\(fields))") else { return }
        while try enter("r", fields) {
            try body()
            try exit()
        }
        try exit()
    }

    /// Steps into the variant that a property comes in.
    func enterVariant(of type: String) throws(BusError) { _ = try enter("v", type) }

    func string() throws(BusError) -> String { try text("s") }
    func path() throws(BusError) -> String { try text("o") }

    func unsigned32() throws(BusError) -> UInt32 {
        var value: UInt32 = 0
        _ = try check("reading an answer", unsafe bus_message_read_basic(message, CChar(UInt8(ascii: "u")), &value))
        return value
    }

    func unsigned64() throws(BusError) -> UInt64 {
        var value: UInt64 = 0
        _ = try check("reading an answer", unsafe bus_message_read_basic(message, CChar(UInt8(ascii: "t")), &value))
        return value
    }

    func bool() throws(BusError) -> Bool {
        var value: Int32 = 0
        _ = try check("reading an answer", unsafe bus_message_read_basic(message, CChar(UInt8(ascii: "b")), &value))
        return value != 0
    }

    /// Steps over values of these basic types.
    func skip(_ types: StaticString) throws(BusError) {
        for index in 0..<types.utf8CodeUnitCount {
            let type = types.withUTF8Buffer { unsafe CChar($0[index]) }
            _ = try check("reading an answer", unsafe bus_message_read_basic(message, type, nil))
        }
    }

    private func text(_ type: UnicodeScalar) throws(BusError) -> String {
        var value: UnsafePointer<CChar>?
        let answer = unsafe bus_message_read_basic(message, CChar(UInt8(ascii: type)), &value)
        guard try check("reading an answer", answer) > 0, let value = unsafe value else { return "" }
        return unsafe String(cString: value)
    }

    private func enter(_ type: UnicodeScalar, _ contents: String) throws(BusError) -> Bool {
        try check(
            "reading an answer", unsafe bus_message_enter_container(message, CChar(UInt8(ascii: type)), contents)) > 0
    }

    private func exit() throws(BusError) {
        _ = try check("reading an answer", unsafe bus_message_exit_container(message))
    }
}

/// libsystemd answers a negative error number.
private func check(_ call: String, _ answer: Int32) throws(BusError) -> Int32 {
    guard answer >= 0 else { throw .failed(call: call, Errno(code: -answer)) }
    return answer
}

extension CollectError {
    init(_ error: BusError) {
        switch error {
        case .noLibrary, .absent: self = .absent(error.description)
        case .late, .failed, .refused: self = .failed(error.description)
        }
    }
}
