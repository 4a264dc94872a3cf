// `vitals status`: asks the running agent by its own endpoint.

internal import HTTP
internal import Platform

/// Why the agent gave no status. What was tried is in it.
package struct AskError: Error, Equatable {
    package let reason: String
}

/// The JSON of `/api/v1/status` from the agent that listens at the first of `addresses`.
package func askForStatus(_ addresses: [String], timeout: Duration = .seconds(5)) throws(AskError) -> [UInt8] {
    guard let text = addresses.first else {
        throw AskError(reason: "the settings have no endpoint.listen to ask at; name one with --listen ADDRESS")
    }
    let address: SocketAddress
    do throws(SocketAddressError) { address = try SocketAddress(text) } catch {
        throw AskError(reason: error.description)
    }
    let answer: (status: Int, body: [UInt8])
    do throws(TransportError) {
        answer = try httpGet(address, path: "/api/v1/status", deadline: .now + timeout)
    } catch {
        throw AskError(reason: "no agent answers at \(error.reason)")
    }
    guard answer.status == 200, statusTable(answer.body) != nil else {
        throw AskError(reason: "what answers at \(text) is no vitals agent: it said \(answer.status)")
    }
    return answer.body
}
