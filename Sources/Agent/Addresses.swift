// Where the inputs of the settings receive: an address can be had once, by one of them, and by no other program.

internal import Inputs
internal import Platform
internal import Settings

extension Plugins {
    /// What is in no route receives nothing, and may name whatever address.
    func refuseSharedAddresses(_ inputs: [any Input]) throws(SettingsError) {
        var known: [(address: ListenAddress, place: String)] = []
        for (index, text) in settings.listen.enumerated() {
            // One that is none is said to be so by the endpoint.
            do throws(SocketAddressError) {
                guard case .address(let address) = try ListenPlace(text) else { continue }
                known.append((ListenAddress(address, .tcp, key: "listen"), "endpoint.listen[\(index)]"))
            } catch {}
        }
        for (plugin, input) in zip(settings.inputs, inputs) where settings.isInRoute(plugin) {
            for address in input.addresses {
                if let other = known.first(where: { $0.address.overlaps(address) }) {
                    let what = other.address.address == address.address ? "is" : "overlaps with \(other.address),"
                    throw plugin.section.error(
                        at: address.key, "\(address) \(what) that of \(other.place): only one can receive there")
                }
                known.append((address, plugin.section.pathOf(address.key)))
            }
        }
    }
}

extension AgentSettings {
    func isInRoute(_ input: PluginSettings) -> Bool { routes.contains { $0.from == input.name } }
}

/// Has each address for a moment. Whoever has it already may be the agent that runs with these very settings: it holds
/// the lock of the state directory.
func checkAddresses(_ addresses: [ListenAddress], of subject: String, lock: String, _ findings: inout CheckFindings) {
    for address in addresses {
        do throws(Errno) {
            try address.tryOut()
            findings.note("\(subject): \(address) is free")
        } catch {
            if error == .addressInUse, let holder = lockHolder(lock) {
                findings.note("\(subject): \(address) is in use, and so is the state directory, by process \(holder)")
            } else {
                findings.problem("\(subject): \(address.explanation(of: error))")
            }
        }
    }
}
