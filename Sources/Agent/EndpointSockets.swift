// The sockets of the endpoint: those that it opens, and those that systemd has opened for it.

internal import Platform

/// All that `settings` ask for, each with where it listens.
func openListeners(
    _ settings: EndpointSettings, _ log: AgentLog
) throws(EndpointError) -> [(socket: Socket, address: SocketAddress)] {
    let access = try socketAccess(settings)
    var listeners: [(socket: Socket, address: SocketAddress)] = []
    var passed: [PassedSocket] = []
    if settings.listen.contains(where: \.isSystemd) {
        do throws(PassedSocketError) { passed = try takePassedSockets() } catch { throw .unusable(error) }
    }
    for place in settings.listen {
        switch place {
        case .address(let address):
            do throws(Errno) {
                let listener = try Socket.listening(at: address, access: access)
                listeners.append((listener, listener.address(asked: address)))
            } catch {
                throw EndpointError(address, error)
            }
        case .systemd(let name):
            let meant = passed.filter { name == nil || $0.name == name }
            guard !meant.isEmpty else { throw .notPassed(place) }
            passed.removeAll { name == nil || $0.name == name }
            listeners += meant.map { ($0.socket, $0.address) }
        }
    }
    for socket in passed { log.warning("a socket that systemd passed is not used", ["name": socket.name]) }
    return listeners
}

func socketAccess(_ settings: EndpointSettings) throws(EndpointError) -> SocketAccess {
    guard let name = settings.socketGroup else { return SocketAccess(mode: settings.socketMode) }
    guard let group = groupID(named: name) else { throw .unknownGroup(name) }
    return SocketAccess(mode: settings.socketMode, groupID: group)
}

extension ListenPlace {
    fileprivate var isSystemd: Bool {
        if case .systemd = self { return true }
        return false
    }
}
