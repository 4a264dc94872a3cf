// `vitals status`: asks the running agent by its own endpoint.

internal import Bytes
internal import HTTP
internal import Platform

/// Why there is no status from one address, or from all of them. What was tried is in it.
package struct AskError: Error, Equatable {
    package let reason: String
    /// One of ours listens there, and cannot answer us.
    package var isFromAgent = false
}

/// What an agent said.
package struct AgentAnswer: Sendable {
    /// The JSON of `/api/v1/status`.
    package let json: [UInt8]
    /// Why the addresses that were asked before gave nothing.
    package let failures: [AskError]
}

/// Asks the agent that listens at `addresses`, one after the other until one answers, each for as long as `timeout`:
/// unix sockets first, which ask for neither TLS nor a password.
///
/// - Throws: what was tried, when none answers.
package func askForStatus(
    _ addresses: [String], timeout: Duration = .seconds(5)
) throws(AskError) -> AgentAnswer {
    var failures: [AskError] = []
    for address in try addressesToAsk(addresses) {
        do throws(AskError) {
            return AgentAnswer(json: try askForStatus(at: address, timeout: timeout), failures: failures)
        } catch { failures.append(error) }
    }
    let isThere = failures.contains(where: \.isFromAgent)
    let tried = failures.map(\.reason).joined(separator: "; ")
    throw AskError(
        reason: isThere
            ? tried
            : "no agent answers: \(tried). Does it run (systemctl status vitals)? Another address is --listen ADDRESS",
        isFromAgent: isThere)
}

func askForStatus(at address: SocketAddress, timeout: Duration) throws(AskError) -> [UInt8] {
    let answer: (status: Int, body: [UInt8])
    do throws(TransportError) {
        answer = try httpGet(address, path: "/api/v1/status", deadline: .now + timeout)
    } catch {
        throw AskError(reason: error.reason)
    }
    if let obstacle = obstacle(answer.body) {
        throw AskError(reason: "the agent at \(address) \(obstacle)", isFromAgent: true)
    }
    guard answer.status == 200, statusTable(answer.body) != nil else {
        throw AskError(reason: "\(address): what answers there is no vitals agent, it said \(answer.status)")
    }
    return answer.body
}

/// Why an agent of ours gives its status to others, and not to us.
private func obstacle(_ answer: [UInt8]) -> String? {
    let other = "let it listen at a unix socket too, \"unix:/run/vitals/vitals.sock\" in endpoint.listen"
    if answer.starts(with: speaksTLSText.utf8) { return "wants TLS, which status cannot give: \(other)" }
    if answer.starts(with: needsLoginText.utf8) { return "wants a user, which status cannot give: \(other)" }
    if answer.starts(with: tooManyConnectionsText.utf8) {
        return "serves as many connections as endpoint.max_connections allows; ask again, or \(other)"
    }
    return nil
}

/// Unix sockets first, and then the others, both in the order in which they stand.
func addressesToAsk(_ addresses: [String]) throws(AskError) -> [SocketAddress] {
    guard !addresses.isEmpty else {
        throw AskError(reason: "the settings have no endpoint.listen to ask at; name an address with --listen ADDRESS")
    }
    var (unix, others): ([SocketAddress], [SocketAddress]) = ([], [])
    var left = "the agent listens where systemd says"
    for text in addresses {
        do throws(SocketAddressError) {
            // What systemd passes stands in its unit, which is not read here.
            guard case .address(let address) = try ListenPlace(text) else { continue }
            switch address.port {
            case nil: unix.append(address)
            case 0: left = "the kernel chooses the port of \(address); the log of the agent says which it is"
            default: others.append(address)
            }
        } catch { throw AskError(reason: error.description) }
    }
    guard !unix.isEmpty || !others.isEmpty else { throw AskError(reason: "\(left): name it with --listen ADDRESS") }
    return unix + others
}
