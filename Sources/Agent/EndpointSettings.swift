// The section `endpoint`: where to listen, and who may come. docs/endpoint.md has its keys.

internal import Bytes
package import HTTP
package import Platform
package import Settings

/// One member of `listen`.
package enum ListenPlace: Equatable, Sendable, CustomStringConvertible {
    case address(SocketAddress)
    /// Sockets that systemd passes: all, or those whose `FileDescriptorName=` is this.
    case systemd(name: String?)

    package init(_ text: String) throws(SocketAddressError) {
        if text == "systemd" {
            self = .systemd(name: nil)
        } else if text.hasPrefix("systemd:") {
            self = .systemd(name: String(text.dropFirst("systemd:".count)))
        } else {
            self = .address(try SocketAddress(text))
        }
    }

    /// Whether the one leaves nothing for the other.
    func overlaps(_ other: ListenPlace) -> Bool {
        switch (self, other) {
        case (.address(let one), .address(let other)): one.overlaps(other)
        case (.systemd(let one), .systemd(let other)): one == nil || other == nil || one == other
        default: false
        }
    }

    package var description: String {
        switch self {
        case .address(let address): address.description
        case .systemd(nil): "systemd"
        case .systemd(let name?): "systemd:\(name)"
        }
    }
}

package struct EndpointSettings: Sendable {
    package let listen: [ListenPlace]
    package let connectionLimit: Int
    package let tls: TLSSettings?
    package let users: [String: BcryptHash]
    /// The same as texts, where a file holds one of them.
    let usersInFiles: [(name: String, text: LiveText)]
    /// In which form clients may name this host; empty: in any.
    package let allowedHosts: [String]
    package let socketMode: UInt32
    /// A name or a number.
    package let socketGroup: String?

    package init(_ section: inout SettingsSection) throws(SettingsError) {
        listen = try Self.places(in: &section)
        connectionLimit = try section.integer("max_connections", default: 40, in: 1...10_000)
        let (hasTLS, hasUsers) = (section.has("tls"), section.has("users"))
        let own = try section.section("tls")
        tls = hasTLS ? try Self.tls(own) : nil
        (users, usersInFiles) = try Self.users(try section.section("users"))
        guard !hasUsers || !users.isEmpty else { throw section.error("\"users\" has none: nobody could ask") }
        allowedHosts = try Self.hosts(in: &section)
        socketMode = try Self.mode(in: &section)
        socketGroup = try section.optionalString("socket_group")
        try section.finish()
    }

    private static func places(in section: inout SettingsSection) throws(SettingsError) -> [ListenPlace] {
        guard let value = section.value("listen") else { return [.address(.ipv4(0x7F00_0001, port: 9100))] }
        let path = section.pathOf("listen")
        guard case .array(let elements) = value.content, !elements.isEmpty else {
            throw value.error(path, "expected a list of addresses [ \"127.0.0.1:9100\" ]")
        }
        var places: [ListenPlace] = []
        for (index, element) in elements.enumerated() {
            guard case .string(let text) = element.content else {
                throw element.error("\(path)[\(index)]", "expected an address in quotes")
            }
            let place: ListenPlace
            do throws(SocketAddressError) { place = try ListenPlace(text) } catch {
                throw element.error("\(path)[\(index)]", error.description)
            }
            // The second could not be listened at: the kernel would say that somebody does.
            if let before = places.firstIndex(where: { $0.overlaps(place) }) {
                let reason =
                    places[before] == place
                    ? "\(place) stands twice, first as \(path)[\(before)]"
                    : "\(place) overlaps with \(places[before]), \(path)[\(before)]"
                throw element.error("\(path)[\(index)]", reason)
            }
            places.append(place)
        }
        return places
    }

    // MARK: TLS

    private static func tls(_ section: consuming SettingsSection) throws(SettingsError) -> TLSSettings {
        var tls = TLSSettings(certificate: try section.filePath("certificate"), key: try section.filePath("key"))
        tls.clientCA = try section.optionalFilePath("client_ca")
        let isAsking = section.has("client_auth") || section.has("client_names")
        tls.clientAuthentication = try section.choice("client_auth", default: .require)
        tls.clientNames = try section.strings("client_names", default: [])
        guard tls.clientCA != nil || !isAsking else {
            throw section.error("\"client_auth\" and \"client_names\" need \"client_ca\": who signs the certificates")
        }
        tls.minimumVersion = try section.choice("min_version", default: .tls12)
        tls.maximumVersion = try section.choice("max_version", default: .tls13)
        guard tls.minimumVersion == .tls12 || tls.maximumVersion == .tls13 else {
            throw section.error("\"min_version\" is above \"max_version\"")
        }
        tls.ciphers = try section.optionalString("ciphers")
        for path in [tls.certificate, tls.key, tls.clientCA] {
            // The service has another working directory than who writes this.
            guard path?.hasPrefix("/") ?? true else { throw section.error("the paths of files begin with /") }
        }
        try section.finish()
        return tls
    }

    // MARK: Users

    private static func users(
        _ section: consuming SettingsSection
    ) throws(SettingsError) -> ([String: BcryptHash], inFiles: [(name: String, text: LiveText)]) {
        var users: [String: BcryptHash] = [:]
        var texts: [(name: String, text: LiveText)] = []
        for name in section.keys {
            let path = section.pathOf(name)
            guard let value = section.peek(name) else { continue }
            // RFC 7617: the colon ends the name.
            guard !name.isEmpty, !name.utf8.contains(UInt8(ascii: ":")) else {
                throw value.error(path, "the name of a user is not empty and has no colon")
            }
            guard case .string(let text) = value.content, let hash = BcryptHash(text) else {
                throw value.error(
                    path,
                    "expected a bcrypt hash \"$2b$12$…\" with a cost of \(BcryptHash.costs.lowerBound) to "
                        + "\(BcryptHash.costs.upperBound), as `htpasswd -nBC 12 NAME` makes it")
            }
            users[name] = hash
            texts.append((name, try section.liveString(name)))
        }
        return (users, texts.contains { !$0.text.files.isEmpty } ? texts : [])
    }

    // MARK: Names

    private static func hosts(in section: inout SettingsSection) throws(SettingsError) -> [String] {
        guard section.has("allowed_hosts") else { return [] }
        let hosts = try section.strings("allowed_hosts", default: [])
        guard !hosts.isEmpty else { throw section.error(at: "allowed_hosts", "it names none: leave it out for any") }
        for (index, host) in hosts.enumerated() {
            let isName =
                host.utf8.count <= 253
                && host.utf8.allSatisfy { byte in
                    switch byte {
                    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
                    default: byte.isDigit || "-._".utf8.contains(byte)
                    }
                }
            guard isName, !host.isEmpty, !host.hasSuffix(".") else {
                throw section.error(
                    at: "allowed_hosts", element: index,
                    "expected a name such as \"web1.example.com\", without a port; addresses are always allowed")
            }
        }
        return hosts
    }

    // MARK: Sockets at paths

    private static func mode(in section: inout SettingsSection) throws(SettingsError) -> UInt32 {
        guard let value = section.value("socket_mode") else { return SocketAccess().mode }
        guard case .string(let text) = value.content, (3...4).contains(text.utf8.count),
            let mode = UInt32(text, radix: 8), mode <= 0o777
        else { throw value.error(section.pathOf("socket_mode"), "expected a mode such as \"0660\"") }
        return mode
    }
}
