"""What people try who want to read others' chats, or to keep others from theirs. Each test fails without its mend."""
