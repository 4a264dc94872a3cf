// A certificate, its key, and what is asked of clients, in OpenSSL's form. See SSL_CTX_new(3ossl).

internal import COpenSSL
internal import Platform

package struct TLSSettings: Sendable, Equatable {
    package enum Version: String, Sendable, CaseIterable {
        case tls12 = "1.2"
        case tls13 = "1.3"
    }

    package enum ClientAuthentication: String, Sendable, CaseIterable {
        case require
        case verifyIfGiven = "verify_if_given"
    }

    /// PEM: the certificate, and after it those that lead to the authority.
    package var certificate: String
    /// PEM, without a passphrase.
    package var key: String
    /// PEM: who signs the certificates of clients. Nil: clients are not asked for any.
    package var clientCA: String?
    package var clientAuthentication: ClientAuthentication
    /// A client's certificate must be for one of these, when there are any: host, mail address, URI or IP address.
    package var clientNames: [String]
    package var minimumVersion: Version
    package var maximumVersion: Version
    /// For TLS 1.2, in OpenSSL's notation; nil: OpenSSL's own choice.
    package var ciphers: String?

    package init(
        certificate: String, key: String, clientCA: String? = nil,
        clientAuthentication: ClientAuthentication = .require,
        clientNames: [String] = [], minimumVersion: Version = .tls12, maximumVersion: Version = .tls13,
        ciphers: String? = nil
    ) {
        self.certificate = certificate
        self.key = key
        self.clientCA = clientCA
        self.clientAuthentication = clientAuthentication
        self.clientNames = clientNames
        self.minimumVersion = minimumVersion
        self.maximumVersion = maximumVersion
        self.ciphers = ciphers
    }
}

/// Between which seconds since 1970 a certificate is valid. Some end before they begin.
package struct TLSValidity: Sendable, Equatable {
    package let from: Int64
    package let until: Int64

    package func contains(_ unixSeconds: Int64) -> Bool { from <= unixSeconds && unixSeconds <= until }
}

/// OpenSSL is missing, or does not take the certificate, the key or another setting.
package struct TLSError: Error, Equatable, CustomStringConvertible {
    package let reason: String
    package init(reason: String) { self.reason = reason }
    package var description: String { reason }
}

/// Connections are made from it, by any thread; it does not change any more.
@safe final class TLSContext: @unchecked Sendable {
    // @unchecked: OpenSSL counts the references itself, and nothing sets anything after `init`.
    private let context: OpaquePointer
    let validity: TLSValidity
    let clientNames: [String]

    init(_ settings: TLSSettings) throws(TLSError) {
        if let problem = openSSLProblem { throw TLSError(reason: problem) }
        try Self.refuseWhatIsNoFile(settings)
        guard let context = unsafe tls_context_new() else { throw lastFailure("no TLS context") }
        unsafe self.context = context
        clientNames = settings.clientNames
        do throws(TLSError) { validity = try unsafe Self.set(settings, on: context) } catch {
            unsafe tls_context_free(context)
            throw error
        }
    }

    deinit { unsafe tls_context_free(context) }

    /// To open a FIFO waits until somebody writes into it, which nobody may ever do; a device may never end.
    private static func refuseWhatIsNoFile(_ settings: TLSSettings) throws(TLSError) {
        for (what, path) in [
            ("the certificate", settings.certificate), ("the key", settings.key),
            ("the authorities for clients", settings.clientCA),
        ] {
            guard let path else { continue }
            do throws(Errno) {
                guard try FileStatus(of: path).kind != .regular else { continue }
            } catch {
                // OpenSSL finds the same, and says it.
                continue
            }
            throw TLSError(reason: "\(what) \(path): it is no regular file")
        }
    }

    private static func set(_ settings: TLSSettings, on context: OpaquePointer) throws(TLSError) -> TLSValidity {
        let versions = (settings.minimumVersion.number, settings.maximumVersion.number)
        guard unsafe tls_context_set_versions(context, versions.0, versions.1) == 1 else {
            throw lastFailure("these versions of TLS cannot be set")
        }
        if let ciphers = settings.ciphers, unsafe tls_context_set_ciphers(context, ciphers) != 1 {
            throw lastFailure("the ciphers \"\(ciphers)\"")
        }
        guard unsafe tls_context_use_certificate(context, settings.certificate) == 1 else {
            throw lastFailure("the certificate \(settings.certificate)", isPEM: true)
        }
        guard unsafe tls_context_use_key(context, settings.key) == 1 else {
            let failure = lastFailure("the key \(settings.key)", isPEM: true)
            guard failure.reason.isAboutAnotherKey else { throw failure }
            throw TLSError(reason: "the key \(settings.key) does not belong to the certificate \(settings.certificate)")
        }
        if let file = settings.clientCA {
            let isRequired: Int32 = settings.clientAuthentication == .require ? 1 : 0
            guard unsafe tls_context_verify_clients(context, file, isRequired) == 1 else {
                throw lastFailure("the authorities for clients \(file)", isPEM: true)
            }
        }
        var (from, until): (Int64, Int64) = (0, 0)
        guard unsafe tls_context_validity(context, &from, &until) == 1 else {
            throw TLSError(reason: "the certificate \(settings.certificate): its dates cannot be read")
        }
        return TLSValidity(from: from, until: until)
    }

    /// For the connection of a socket that does not wait, and that outlives the session.
    func makeSession(_ socket: Socket) throws(TLSError) -> TLSSession {
        guard let session = unsafe tls_new(context, socket.descriptor) else { throw lastFailure("no TLS session") }
        return unsafe TLSSession(owning: session, on: socket, clientNames: clientNames)
    }
}

/// Nil, or why OpenSSL cannot be used. It is opened when this is first asked.
private let openSSLProblem: String? = unsafe copenssl_open().map { unsafe String(cString: $0) }

/// What OpenSSL has to say about the call before.
private func lastFailure(_ what: String, isPEM: Bool = false) -> TLSError {
    let reason = unsafe String(cString: tls_reason())
    let words =
        switch reason {
        case "no start line" where isPEM: "there is nothing of it in PEM"
        case "interrupted or cancelled", "bad password read", "problems getting password":
            "it has a passphrase, which nobody is there to type"
        default: reason
        }
    return TLSError(reason: "\(what): \(words)")
}

extension String {
    /// OpenSSL's words for a key and a certificate that are not each other's.
    fileprivate var isAboutAnotherKey: Bool {
        hasSuffix("key values mismatch") || hasSuffix("key type mismatch") || hasSuffix("no private key assigned")
    }
}

extension TLSSettings.Version {
    fileprivate var number: Int32 {
        switch self {
        case .tls12: Int32(TLS_1_2)
        case .tls13: Int32(TLS_1_3)
        }
    }
}
