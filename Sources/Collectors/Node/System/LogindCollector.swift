// node_logind_sessions: who is logged in, asked of systemd-logind on the system bus.
// https://www.freedesktop.org/software/systemd/man/latest/org.freedesktop.login1.html

package import Metrics
package import Platform
package import Procfs
package import Settings

/// Sessions by seat, by kind, and by whether they come from elsewhere.
package struct LogindCollector: Collector {
    package static let name = "logind"
    package static let isEnabledByDefault = false
    package static let metrics = [sessions]

    static let sessions = MetricDescriptor(
        "node_logind_sessions", .gauge, labels: ["class", "remote", "seat", "type"],
        help: "Sessions that are registered with logind.")

    /// What logind knew at first; all else is the first of them. A series for each, so that 0 is said too.
    static let classes = ["other", "user", "greeter", "lock-screen", "background"]
    static let types = ["other", "unspecified", "tty", "x11", "wayland", "mir", "web"]
    static let remotes = ["true", "false"]

    private static let service = "org.freedesktop.login1"
    private static let path = "/org/freedesktop/login1"
    private static let properties = ["Remote", "Type", "Class"]

    struct Session: Sendable, Equatable {
        var seat: String
        var path = ""
        var remote: Bool?
        var type: String?
        var sessionClass: String?
    }

    private let bus: SystemBus
    private let timeout: Duration

    /// `timeout` (2 s) is how long logind has for all answers, when the scrape has more time than that.
    package init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        timeout = try section.duration("timeout", default: .seconds(2), in: .milliseconds(10)...(.seconds(60)))
        bus = SystemBus()
    }

    package mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        try collect(into: &snapshot, giveUp: .now + timeout)
    }

    package mutating func collect(into snapshot: inout Snapshot, until deadline: Instant) throws(CollectError) {
        try collect(into: &snapshot, giveUp: SystemBus.deadline(timeout, scrape: deadline))
    }

    private func collect(into snapshot: inout Snapshot, giveUp deadline: Instant) throws(CollectError) {
        do throws(BusError) {
            let (seats, sessions) = try read(until: deadline)
            Self.add(seats: seats, sessions, to: &snapshot)
        } catch {
            throw CollectError(error)
        }
    }

    private func read(until deadline: Instant) throws(BusError) -> (seats: [String], sessions: [Session]) {
        let manager = "\(Self.service).Manager"
        let lists = ["ListSeats", "ListSessions"].map {
            BusCall(service: Self.service, path: Self.path, interface: manager, member: $0)
        }
        var (seats, sessions): ([String], [Session]) = ([], [])
        try bus.ask(lists, until: deadline) { number, answer throws(BusError) in
            try answer.throwRefusal()
            if number == 0 {
                try answer.forEachStructure("so") { () throws(BusError) in
                    seats.append(try answer.string())
                    try answer.skip("o")
                }
            } else {
                try answer.forEachStructure("susso") { () throws(BusError) in
                    try answer.skip("sus")
                    sessions.append(Session(seat: try answer.string(), path: try answer.path()))
                }
            }
        }
        let questions = sessions.flatMap { session in
            Self.properties.map {
                BusCall.property($0, of: "\(Self.service).Session", at: session.path, service: Self.service)
            }
        }
        try bus.ask(questions, until: deadline) { number, answer throws(BusError) in
            // A session may have ended meanwhile.
            if try answer.hasNothing() { return }
            let index = number / Self.properties.count
            switch number % Self.properties.count {
            case 0:
                try answer.enterVariant(of: "b")
                sessions[index].remote = try answer.bool()
            case 1:
                try answer.enterVariant(of: "s")
                sessions[index].type = try answer.string()
            default:
                try answer.enterVariant(of: "s")
                sessions[index].sessionClass = try answer.string()
            }
        }
        return (seats, sessions)
    }

    /// Counts those of which all is known, for each seat and for none, which is that of a session by SSH.
    static func add(seats: [String], _ sessions: [Session], to snapshot: inout Snapshot) {
        var counts: [[String]: Int] = [:]
        for session in sessions {
            guard let remote = session.remote, let type = session.type, let known = session.sessionClass else {
                continue
            }
            let labels = [
                classes.contains(known) ? known : classes[0], remote ? "true" : "false", session.seat,
                types.contains(type) ? type : types[0],
            ]
            counts[labels, default: 0] += 1
        }
        for remote in remotes {
            for type in types {
                for known in classes {
                    for seat in seats + [""] {
                        let labels = [known, remote, seat, type]
                        snapshot.add(Self.sessions, Double(counts[labels] ?? 0), labels: labels)
                    }
                }
            }
        }
    }
}
