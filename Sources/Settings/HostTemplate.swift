// What templates take that is no part of a record: of the agent, its settings and its host. Most of it is known at the
// start; what an instance says of itself has a substitute, and is waited for once, for a short time.

package struct HostValues: Sendable {
    /// What stands for what is not known, where the template has nothing of its own.
    package static let unknown = "unknown"
    package static let variables = ["hostname", "input", "instance_id"] + metadata
    /// What an EC2 instance says of itself, besides its id, which lies on most.
    package static let metadata = ["instance_type", "availability_zone", "region", "account_id", "image_id"]
    /// How long a route's first batch, and the first metrics of the host, wait for it. On an instance it answers within
    /// milliseconds, and at the boot as soon as the network is up; elsewhere nobody misses two seconds once.
    package static let patience: Duration = .seconds(2)

    package var hostName: String
    package var inputName: String
    /// Of EC2; nil on a host that is none, which is told from others by its name.
    package var instanceID: String?
    /// What the instance says of itself, by the names in `variables`; nil as long as it has not. Returns at once.
    package var lookUp: @Sendable (String) -> String?
    /// Blocks until these are known, or cannot be, or for so long.
    package var wait: @Sendable (_ names: [String], _ atMost: Duration) -> Void

    package init(
        hostName: String, inputName: String, instanceID: String? = nil,
        lookUp: @escaping @Sendable (String) -> String? = { _ in nil },
        wait: @escaping @Sendable (_ names: [String], _ atMost: Duration) -> Void = { _, _ in }
    ) {
        self.hostName = hostName
        self.inputName = inputName
        self.instanceID = instanceID
        self.lookUp = lookUp
        self.wait = wait
    }

    package enum Value: Equatable, Sendable {
        case known(String)
        /// To be looked up each time, and what stands there as long as nobody knows.
        case asked(fallback: String)
    }

    /// nil for a name that is none of `variables`.
    package func value(of name: String, fallback: String?) -> Value? {
        switch name {
        case "hostname": .known(hostName.isEmpty ? fallback ?? Self.unknown : hostName)
        case "input": .known(inputName)
        case "instance_id": instanceID.map { .known($0) } ?? .asked(fallback: fallback ?? hostName)
        case _ where Self.metadata.contains(name): .asked(fallback: fallback ?? Self.unknown)
        default: nil
        }
    }
}

/// A text of the settings that no record has a part in: dimensions of the host's metrics, for one.
package struct HostTemplate: Sendable {
    private enum Piece: Sendable {
        case text(String)
        case asked(name: String, fallback: String)
    }

    private var pieces: [Piece] = []
    private let wait: @Sendable (_ names: [String], _ atMost: Duration) -> Void
    private let lookUp: @Sendable (String) -> String?

    package init(_ text: String, _ values: HostValues) throws(TemplateError) {
        lookUp = values.lookUp
        wait = values.wait
        for piece in try Template(text, known: HostValues.variables).pieces {
            switch piece {
            case .text(let text): pieces.append(.text(text))
            case .variable(let name, let argument?, _): throw .malformed("{\(name):\(argument)}: takes no format")
            case .variable(let name, nil, let fallback):
                switch values.value(of: name, fallback: fallback) {
                case .known(let text): pieces.append(.text(text))
                case .asked(let fallback): pieces.append(.asked(name: name, fallback: fallback))
                case nil: throw .unknown(name)
                }
            }
        }
    }

    /// It may become another text when the instance answers.
    package var isAsking: Bool {
        pieces.contains { piece in if case .asked = piece { true } else { false } }
    }

    /// Blocks until what all of them ask for is known, for `HostValues.patience` at most.
    package static func wait(for templates: [HostTemplate]) {
        let names = templates.flatMap { template in
            template.pieces.compactMap { piece in
                if case .asked(let name, _) = piece, template.lookUp(name) == nil { name } else { nil }
            }
        }
        if !names.isEmpty { templates.first?.wait(names, HostValues.patience) }
    }

    /// As it is now.
    package var text: String {
        pieces.map { piece in
            switch piece {
            case .text(let text): text
            case .asked(let name, let fallback): lookUp(name) ?? fallback
            }
        }.joined()
    }
}
