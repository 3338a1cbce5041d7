import Testing
import UnifiedIO

/// Overlaps and what they drop, computed by hand.
@Suite struct NonMaximumSuppressionTests {
  private func box(_ x1: Float, _ y1: Float, _ x2: Float, _ y2: Float) -> PixelBox {
    PixelBox(minX: x1, minY: y1, maxX: x2, maxY: y2)
  }

  @Test func overlapIsIntersectionOverUnion() {
    // 8 x 10 shared; 100 + 100 - 80 in all.
    #expect(NonMaximumSuppression.overlap(box(0, 0, 10, 10), box(2, 0, 12, 10)) == 80.0 / 120)
    #expect(NonMaximumSuppression.overlap(box(0, 0, 10, 10), box(0, 0, 10, 10)) == 1)
    #expect(NonMaximumSuppression.overlap(box(0, 0, 10, 10), box(10, 0, 20, 10)) == 0)
    #expect(NonMaximumSuppression.overlap(box(10, 10, 0, 0), box(0, 0, 10, 10)) == 1)
    #expect(NonMaximumSuppression.overlap(box(5, 0, 5, 10), box(5, 0, 5, 10)) == 0)
  }

  @Test func anEarlierBoxDropsLaterOnesThatOverlapMoreThanTheThreshold() {
    // Against the first: 90/110 = 0.818, 80/120 = 0.667, 0.
    let boxes = [box(0, 0, 10, 10), box(1, 0, 11, 10), box(2, 0, 12, 10), box(30, 30, 40, 40)]
    #expect(NonMaximumSuppression.kept(boxes, threshold: 0.8) == [0, 2, 3])
    #expect(NonMaximumSuppression.kept(boxes, threshold: 0.82) == [0, 1, 2, 3])
    #expect(NonMaximumSuppression.kept(boxes, threshold: 0.5) == [0, 3])
    #expect(NonMaximumSuppression.kept([], threshold: 0.5).isEmpty)
  }

  @Test func aDroppedBoxDropsNothing() {
    // The second would drop the third, but the first has dropped the second.
    let boxes = [box(0, 0, 100, 10), box(5, 0, 105, 10), box(10, 0, 110, 10)]
    #expect(NonMaximumSuppression.kept(boxes, threshold: 0.85) == [0, 2])
  }

  @Test func equalOverlapStays() {
    // 50 / 100.
    #expect(NonMaximumSuppression.kept([box(0, 0, 10, 10), box(0, 0, 5, 10)], threshold: 0.5) == [0, 1])
  }
}
