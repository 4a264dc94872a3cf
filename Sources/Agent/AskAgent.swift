// `vitals status`: asks the running agent by its own endpoint.

internal import Bytes
internal import HTTP
internal import Platform

/// Why the agent gave no status. What was tried is in it.
package struct AskError: Error, Equatable {
    package let reason: String
    /// It is one of ours, which wants more than is known here.
    package var isFromAgent = false
}

/// The JSON of `/api/v1/status` from the agent that listens at `addresses`: at a unix socket when there is one, which
/// asks for neither TLS nor a password, else at the first.
package func askForStatus(_ addresses: [String], timeout: Duration = .seconds(5)) throws(AskError) -> [UInt8] {
    try askForStatus(at: try addressToAsk(addresses), timeout: timeout)
}

func askForStatus(at address: SocketAddress, timeout: Duration) throws(AskError) -> [UInt8] {
    let answer: (status: Int, body: [UInt8])
    do throws(TransportError) {
        answer = try httpGet(address, path: "/api/v1/status", deadline: .now + timeout)
    } catch {
        throw AskError(reason: "no agent answers at \(error.reason)")
    }
    for (text, wish) in [(speaksTLSText, "TLS"), (needsLoginText, "a user")] where answer.body.starts(with: text.utf8) {
        throw AskError(
            reason:
                "the agent at \(address) wants \(wish), which status cannot give: let it listen at a unix socket too, "
                + "\"unix:/run/vitals/vitals.sock\" in endpoint.listen",
            isFromAgent: true)
    }
    guard answer.status == 200, statusTable(answer.body) != nil else {
        throw AskError(reason: "what answers at \(address) is no vitals agent: it said \(answer.status)")
    }
    return answer.body
}

func addressToAsk(_ addresses: [String]) throws(AskError) -> SocketAddress {
    var known: [SocketAddress] = []
    for text in addresses {
        do throws(SocketAddressError) {
            // What systemd passes stands in its unit, which is not read here.
            if case .address(let address) = try ListenPlace(text) { known.append(address) }
        } catch { throw AskError(reason: error.description) }
    }
    let unix = known.first { if case .unix = $0 { true } else { false } }
    if let address = unix ?? known.first { return address }
    throw AskError(
        reason: addresses.isEmpty
            ? "the settings have no endpoint.listen to ask at; name one with --listen ADDRESS"
            : "the agent listens where systemd says; name that with --listen ADDRESS")
}
