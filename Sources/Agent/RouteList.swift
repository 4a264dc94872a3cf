// The routes of the running agent. They are made when the state directory is there, which may be later than the rest.

internal import Delivery
internal import Synchronization

/// For whoever asks from whatever queue.
final class RouteList: Sendable {
    private let routes = Mutex<[Route]>([])

    /// In the order of the settings; none before they are made.
    var all: [Route] { routes.withLock(\.self) }

    func set(_ made: [Route]) { routes.withLock { $0 = made } }
}

extension Route {
    /// For people: `syslog to central`.
    var name: String {
        let status = status
        return "\(status.input) to \(status.output)"
    }
}
