import CKernels
import Foundation
import KernelLevels
import Testing

/// Which level is used, asked of processes of their own: the choice holds for a whole process.
@Suite struct DispatchTests {
  private static let names = KernelLevel.all.map(\.description)

  private func level(_ environment: [String: String], _ arguments: [String] = ["level"]) throws -> String {
    let outcome = try KernelDriver.run(arguments, environment: environment)
    #expect(outcome.status == 0)
    return outcome.output.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  @Test func levelsBuildOnEachOther() {
    let known = ["portable", "avx2", "avx512", "avx512vnni"]
    #expect(Self.names == Array(known.prefix(Self.names.count)))
    #expect(Self.names.contains(String(cString: uio2_kernels_in_use())))
    #expect((uio2_has_avx512() == 1) == (Self.names.count > 2))
  }

  @Test func theBestLevelIsUsedUnlessTheEnvironmentNamesOne() throws {
    #expect(try level([:]) == Self.names.last)
    for name in Self.names { #expect(try level(["UIO2_KERNELS": name]) == name) }
    // What the machine does not have, or nobody has.
    for name in ["avx1024", "", "AVX2"] { #expect(try level(["UIO2_KERNELS": name]) == Self.names.last) }
  }

  @Test func aProgramMayChoose() throws {
    for name in Self.names {
      #expect(try level(["UIO2_KERNELS": "portable"], ["choose", name]) == name)
    }
    #expect(try level([:], ["choose", "avx1024"]) == "absent")
  }

  @Test func everyKernelStaysInsideItsArrays() throws {
    let outcome = try KernelDriver.run(["shapes"], environment: ["MALLOC_PERTURB_": "165"])
    #expect(outcome.status == 0)
    #expect(Self.names.allSatisfy { outcome.output.contains("shapes: \($0)\n") })
  }
}

@Suite struct ThreadPoolTests {
  /// Counts, nesting, several callers, denormals, idleness and forks; `Tests/KernelDriver/threads.c` holds the checks.
  @Test func everythingHolds() throws {
    let outcome = try KernelDriver.run(["threads"])
    #expect(outcome.status == 0, "\(outcome.output)")
  }
}
