// Which collectors, inputs and outputs the agent is built with.

package import Collectors
package import Inputs
package import Outputs

package struct Parts: Sendable {
    package let collectors: [any Collector.Type]
    package let inputs: [any Input.Type]
    package let outputs: [any Output.Type]

    package init(collectors: [any Collector.Type], inputs: [any Input.Type], outputs: [any Output.Type]) {
        self.collectors = collectors
        self.inputs = inputs
        self.outputs = outputs
    }

    /// Everything there is.
    package static let all = Parts(collectors: allCollectors, inputs: allInputs, outputs: allOutputs)

    package var known: KnownTypes { KnownTypes(inputs: inputs.map { $0.type }, outputs: outputs.map { $0.type }) }
}
