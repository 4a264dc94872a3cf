// Every kind of input that a `type` in the settings may name.

/// One line each, in alphabetical order of the type.
package let allInputs: [any Input.Type] = [
    EMFInput.self,
    FileInput.self,
    HostMetricsInput.self,
    JournaldInput.self,
]
