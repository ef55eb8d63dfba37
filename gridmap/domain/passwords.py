"""Which passwords are good enough: long, not common, not made of what everybody knows about the account."""

from __future__ import annotations

from gridmap.errors import BadInput

SHORTEST, LONGEST = 12, 128
CONTEXT = ("gridmap", "wangge", "shequ", "社区", "网格", "南山", "nanshan", "bijie", "毕节")
# Of the lists of leaked passwords, those (and those stems) that reach twelve characters.
_COMMON = """
123456789012 1234567890123 12345678901234 123456789123 123123123123 1234512345123 112233445566 111111111111
000000000000 888888888888 666666666666 147258369147 987654321098 520131452013 woaini520131 qwertyuiop12
qwertyuiop123 qwertyuiopas qwertyuiopasdf 1qaz2wsx3edc 1q2w3e4r5t6y q1w2e3r4t5y6 zxcvbnm12345 asdfghjkl123
password1234 password12345 password123456 passwordpassword adminadmin12 administrator administrator1 letmein12345
welcome12345 iloveyou1234 woaini1314520 a123456789012 abc123456789 abcd12345678 aaaaaaaaaaaa zhangsan1234
qq123456789a changeme1234 changemechangeme correcthorsebatterystaple abcdefghijkl abcdefghijklmnop
"""
COMMON = frozenset(_COMMON.split())
FEWEST_KINDS = 5  # different characters


def require_good(password: str, *, known: tuple[str, ...] = ()) -> None:
    """Let a good password pass.

    Parameters
    ----------
    password : as typed.
    known : what others know: username, name, community.

    Raises
    ------
    BadInput
        When it is too short, too long, common, or holds a known word.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise BadInput("密码要有 %(least)s 到 %(most)s 个字符", least=SHORTEST, most=LONGEST)
    plain = password.casefold()
    if plain in COMMON or len(set(plain)) < FEWEST_KINDS:
        raise BadInput("这个密码太常见，请换一个")
    words = (*CONTEXT, *(part for word in known for part in [word.casefold()] if len(part) > 1))
    if any(word in plain for word in words):
        raise BadInput("密码里不要有用户名、姓名或社区名")
