// What `vitals check` finds about the endpoint: addresses, certificate, users.

internal import HTTP
internal import Platform

func checkEndpoint(_ settings: EndpointSettings, log: AgentLog, _ findings: inout CheckFindings) {
    var access = SocketAccess()
    do throws(EndpointError) { access = try socketAccess(settings) } catch { findings.problem(error.description) }
    for place in settings.listen {
        switch place {
        case .address(let address): checkAddress(address, access, &findings)
        case .systemd: findings.note("endpoint: systemd passes the socket at the start")
        }
    }
    if let tls = settings.tls { checkTLS(tls, log: log, &findings) }
    guard !settings.users.isEmpty else { return }
    if let bcryptProblem { findings.problem("endpoint.users: \(bcryptProblem)") }
    let isOnNetwork = settings.listen.contains { place in
        if case .address(let address) = place { return !address.isLocal }
        return false
    }
    if settings.tls == nil, isOnNetwork {
        findings.note("endpoint.users: without \"tls\" passwords cross the network for everybody to read")
    }
}

/// Listens there for a moment. Whoever does already may be the agent that runs with these very settings: it is asked.
private func checkAddress(_ address: SocketAddress, _ access: SocketAccess, _ findings: inout CheckFindings) {
    let problem: EndpointError
    do throws(Errno) {
        _ = try Socket.listening(at: address, access: access)
        return findings.note("endpoint: \(address) is free")
    } catch { problem = EndpointError(address, error) }
    guard case .addressInUse = problem else { return findings.problem("endpoint: \(problem)") }
    do throws(AskError) {
        // An agent answers in milliseconds; who waits at a terminal gets impatient.
        _ = try askForStatus(at: address, timeout: .seconds(1))
    } catch {
        guard error.isFromAgent else { return findings.problem("endpoint: \(problem) (\(error.reason))") }
    }
    findings.note("endpoint: \(address) is in use by an agent that runs")
}

/// On a thread of its own: a file on a dead network file system may never come.
private func readCertificate(_ settings: TLSSettings, log: AgentLog) throws(TLSError) -> TLSValidity {
    let patience: Duration = .seconds(5)
    let answer = Latch<Result<TLSValidity, TLSError>>()
    Worker("certificate", ()).run { _ in
        do throws(TLSError) { answer.open(.success(try TLSAcceptor(settings, log: log).validity)) } catch {
            answer.open(.failure(error))
        }
    }
    guard let answer = answer.wait(atMost: patience) else {
        throw TLSError(reason: "reading the certificate \(settings.certificate) or its key hangs")
    }
    return try answer.get()
}

private func checkTLS(_ settings: TLSSettings, log: AgentLog, _ findings: inout CheckFindings) {
    /// Who renews by itself does so a month before the end; two weeks before it something is wrong.
    let warnedSeconds: Int64 = 14 * 86_400
    do throws(TLSError) {
        let validity = try readCertificate(settings, log: log)
        let now = Moment.now.unixNanoseconds / 1_000_000_000
        let until = dateText(validity.until)
        if now > validity.until {
            findings.problem("endpoint.tls: the certificate \(settings.certificate) has expired at \(until)")
        } else if now < validity.from {
            let from = dateText(validity.from)
            findings.problem("endpoint.tls: the certificate \(settings.certificate) is not valid before \(from)")
        } else if validity.until - now < warnedSeconds {
            findings.note("endpoint.tls: the certificate \(settings.certificate) expires soon, at \(until)")
        } else {
            findings.note("endpoint.tls: the certificate is valid until \(until)")
        }
    } catch { findings.problem("endpoint.tls: \(error)") }
}

extension SocketAddress {
    /// Only this host can reach it.
    fileprivate var isLocal: Bool {
        switch self {
        case .unix: true
        case .ipv4(let address, _): address >> 24 == 127
        case .ipv6(let bytes, _): bytes == [UInt8](repeating: 0, count: 15) + [1]
        case .all: false
        }
    }
}
