import Foundation
import Tensors
import Testing

/// In processes of their own: what other tests take and give would be counted, too.
@Suite struct TensorMemoryTests {
  @Test func aSecondStepTakesNothingFromTheSystem() async {
    await #expect(processExitsWith: .success) {
      // With several threads it depends on their pace how many of them want scratch at the same time.
      ComputeThreads.count = 1
      let matrix = WeightMatrix(Tensor(zeros: [200, 130])).converted(to: .int8)
      func step() -> Float {
        let x = Tensor([Float](repeating: 1, count: 20 * 130), shape: [20, 130])
        let y = Linear(weight: matrix)(x)
        return SoftmaxAttention.attend(queries: y, keys: y, values: y, keyCount: 20, heads: 4, scale: 1).values[0]
      }
      _ = step()
      let before = TensorMemory.statistics
      for _ in 0..<5 { _ = step() }
      #expect(TensorMemory.statistics.allocations == before.allocations)
      #expect(TensorMemory.statistics.idleBytes == before.idleBytes)
    }
  }

  @Test func whatLiesIdleIsBounded() async {
    await #expect(processExitsWith: .success) {
      // Twice the limit, of many sizes, all let go at the end of the scope.
      withExtendedLifetime((0..<40).map { Tensor(zeros: [(8 << 20) / 4 + $0 * 1000]) }) { _ in
        #expect(TensorMemory.statistics.idleBytes == 0)
      }
      let idle = TensorMemory.statistics.idleBytes
      #expect(idle > 0 && idle <= TensorMemory.idleLimit)
      TensorMemory.releaseIdle()
      #expect(TensorMemory.statistics.idleBytes == 0)
      // Everything works on afterwards.
      #expect(Tensor(zeros: [(8 << 20) / 4]).values.allSatisfy { $0 == 0 })
    }
  }

  @Test func sizesOfThePastMakeRoom() async {
    await #expect(processExitsWith: .success) {
      ComputeThreads.count = 1
      // As loading weights leaves it: full of sizes that no step asks for.
      withExtendedLifetime((0..<40).map { Tensor(zeros: [(8 << 20) / 4 + $0 * 1000]) }) { _ in }
      func step() { withExtendedLifetime((1...20).map { Tensor(zeros: [$0 * 100_000]) }) { _ in } }
      step()
      let before = TensorMemory.statistics.allocations
      for _ in 0..<3 { step() }
      #expect(TensorMemory.statistics.allocations == before)
    }
  }

  @Test func largeBlocksServeSmallerWishes() async {
    await #expect(processExitsWith: .success) {
      let mebi = (1 << 20) / 4
      withExtendedLifetime(Tensor(zeros: [12 * mebi])) {}
      let before = TensorMemory.statistics
      // Not one of less than two thirds of it, nor a cache, which stays: neither may take so much too much.
      withExtendedLifetime(Tensor(zeros: [6 * mebi])) { _ in
        #expect(TensorMemory.statistics.allocations == before.allocations + 1)
      }
      withExtendedLifetime(AttentionCache(capacity: 1 << 13, heads: 1, dimension: 160)) { _ in
        #expect(TensorMemory.statistics.allocations == before.allocations + 2)
      }
      TensorMemory.releaseIdle()
      withExtendedLifetime(Tensor(zeros: [12 * mebi])) {}
      let again = TensorMemory.statistics
      withExtendedLifetime(Tensor(zeros: [9 * mebi])) { _ in
        #expect(TensorMemory.statistics.allocations == again.allocations)
        #expect(TensorMemory.statistics.idleBytes == 0)
      }
      // All of it comes back.
      #expect(TensorMemory.statistics.idleBytes == again.idleBytes)
    }
  }

  @Test func manyThreadsShareIt() async {
    await #expect(processExitsWith: .success) {
      DispatchQueue.concurrentPerform(iterations: 8) { thread in
        var kept: [Tensor] = []
        for round in 0..<2000 {
          let count = 1 + (round * 7919 + thread * 104_729) % 5000
          var tensor = Tensor(zeros: [count])
          tensor.withMutableSpan { span in
            for index in 0..<count { span[index] = Float(thread) }
          }
          kept.append(tensor)
          if kept.count > 8 {
            // Nobody else wrote into it meanwhile.
            let old = kept.remove(at: round % 8)
            #expect(old.values.allSatisfy { $0 == Float(thread) })
          }
          if round % 500 == 0 { TensorMemory.releaseIdle() }
        }
      }
      #expect(TensorMemory.statistics.idleBytes <= TensorMemory.idleLimit)
    }
  }
}
