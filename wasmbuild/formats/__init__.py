"""What files say of themselves: pure functions of bytes that trust nothing and load nothing."""
