import Synchronization
import TestSupport
import Testing

@testable import Agent
@testable import HTTP
@testable import Platform
@testable import Settings

private let hash = "$2b$05$SmWMsla4nq0txR3DqHLLMunoxkfe4OOe9pKPKoe/GOLxLfD2aGkTK"

private func settings(_ text: String) throws -> EndpointSettings {
    var section = try section(text, path: "endpoint")
    return try EndpointSettings(&section)
}

@Suite struct EndpointSettingsTests {
    @Test func hasDefaults() throws {
        let settings = try settings("{}")
        #expect(settings.listen == [.address(.ipv4(0x7F00_0001, port: 9100))])
        #expect(settings.connectionLimit == 40 && settings.tls == nil && settings.users.isEmpty)
        #expect(settings.socketMode == 0o660 && settings.socketGroup == nil)
    }

    @Test func readsEverything() throws {
        let settings = try settings(
            """
            { "listen": ["systemd:b", "systemd:a", ":1", "unix:/x"], "socket_mode": "0606", "socket_group": "adm",
              "tls": { "certificate": "/c", "key": "/k", "client_ca": "/a", "client_auth": "verify_if_given",
                       "client_names": ["x"], "min_version": "1.3", "ciphers": "HIGH" },
              "users": { "prometheus": "\(hash)" } }
            """)
        #expect(
            settings.listen == [
                .systemd(name: "b"), .systemd(name: "a"), .address(.all(port: 1)), .address(.unix(path: "/x")),
            ])
        #expect(settings.listen.map(\.description) == ["systemd:b", "systemd:a", ":1", "unix:/x"])
        #expect(settings.socketMode == 0o606 && settings.socketGroup == "adm")
        #expect(
            settings.tls
                == TLSSettings(
                    certificate: "/c", key: "/k", clientCA: "/a", clientAuthentication: .verifyIfGiven,
                    clientNames: ["x"], minimumVersion: .tls13, ciphers: "HIGH"))
        #expect(settings.users == ["prometheus": BcryptHash(hash)])
    }

    /// Hashes that stand in files are read again; what is none changes nothing.
    @Test func usersInFilesAreReadAgain() throws {
        let content = Mutex<String?>(hash)
        let variables = SettingsVariables(
            environment: { _ in nil },
            readFile: { path throws(VariableError) in
                guard let text = content.withLock({ $0 }) else { throw VariableError(reason: "\(path): gone") }
                return Array(text.utf8)
            })
        var section = try section(
            #"{ "users": { "a": "${file:/h}", "b": "\#(hash)" } }"#, path: "endpoint", variables)
        let users = try #require(EndpointUsers(try EndpointSettings(&section), log: .silent))
        #expect(users.readAgain() == nil)
        let other = String(hash.dropLast()) + "a"
        for useless in ["", "secret", nil] {
            content.withLock { $0 = useless }
            #expect(users.readAgain() == nil)
        }
        content.withLock { $0 = other + "\n" }
        #expect(users.readAgain() == ["a": try #require(BcryptHash(other)), "b": try #require(BcryptHash(hash))])
        #expect(users.readAgain() == nil)
        #expect(EndpointUsers(try settings(#"{ "users": { "b": "\#(hash)" } }"#), log: .silent) == nil)
    }

    @Test(arguments: [
        (#"{ "tls": {} }"#, #"endpoint.tls: "certificate" is missing"#),
        (#"{ "tls": true }"#, "endpoint.tls: expected an object"),
        (#"{ "tls": { "certificate": "/c" } }"#, #""key" is missing"#),
        (#"{ "tls": { "certificate": "c", "key": "/k" } }"#, "begin with /"),
        (#"{ "tls": { "certificate": "/c", "key": "/k", "client_auth": "require" } }"#, #"need "client_ca""#),
        (#"{ "tls": { "certificate": "/c", "key": "/k", "min_version": "1.1" } }"#, #"expected one of "1.2", "1.3""#),
        (#"{ "tls": { "certificate": "/c", "key": "/k", "min_version": "1.3", "max_version": "1.2" } }"#, "is above"),
        (#"{ "tls": { "certificate": "/c", "key": "/k", "kye": 1 } }"#, #"did you mean "key"?"#),
        (#"{ "users": {} }"#, "has none: nobody could ask"),
        (#"{ "users": { "a": "secret" } }"#, #"endpoint.users.a: expected a bcrypt hash"#),
        (#"{ "users": { "a:b": "\#(hash)" } }"#, "has no colon"), (#"{ "users": { "": "\#(hash)" } }"#, "not empty"),
        (#"{ "users": { "a": 1 } }"#, "expected a bcrypt hash"),
        (#"{ "socket_mode": "0999" }"#, #"expected a mode such as "0660""#), (#"{ "socket_mode": 660 }"#, "a mode"),
        (#"{ "listen": [":1", "127.0.0.1:1"] }"#, "overlaps with :1, endpoint.listen[0]"),
        (#"{ "listen": ["systemd:a", "systemd"] }"#, "systemd overlaps with systemd:a"),
        (#"{ "listen": ["systemd", "systemd"] }"#, "systemd stands twice"),
        (#"{ "socket_mode": "1777" }"#, "a mode"), (#"{ "listen": ["systemb"] }"#, "endpoint.listen[0]"),
    ]) func rejects(text: String, reason: String) {
        do {
            _ = try settings(text)
            Issue.record("was accepted: \(text)")
        } catch {
            #expect("\(error)".contains(reason), "\(error)")
            #expect(!"\(error)".contains("secret"))
        }
    }

    @Test func asksAtUnixSocketsFirst() throws {
        let unix = [SocketAddress.unix(path: "/x"), .unix(path: "/y")]
        let both = try addressesToAsk([":1", "systemd", "unix:/x", ":2", "unix:/y"])
        #expect(both == unix + [.all(port: 1), .all(port: 2)])
        #expect(try addressesToAsk(["systemd", ":1", "127.0.0.1:0", ":2"]) == [.all(port: 1), .all(port: 2)])
        func reason(_ addresses: [String]) -> String {
            do throws(AskError) { return "\(try addressesToAsk(addresses))" } catch { return error.reason }
        }
        #expect(reason([]).contains("no endpoint.listen"))
        #expect(reason(["systemd"]).contains("listens where systemd says"))
        #expect(reason(["127.0.0.1:0"]).contains("the kernel chooses the port of 127.0.0.1:0"))
        #expect(reason(["nonsense"]).contains("nonsense"))
    }
}
