"""Which syllables of a word lose their tone."""

from __future__ import annotations

from functools import lru_cache

PARTICLES = frozenset("的了吗呢吧啊呀哇嘛啦喽咯着过们么麼嗎們們個")
"""Neutral as a word of their own, or closing a longer word; 着 and 过 only close words (see below)."""

NEUTRAL_WORDS = frozenset(
    """
    爸爸 妈妈 哥哥 姐姐 弟弟 妹妹 爷爷 奶奶 叔叔 舅舅 姑姑 婶婶 伯伯 太太 星星 宝宝 娃娃 猩猩 公公 婆婆 姥姥 谢谢 看看 听听 说说 想想
    试试 走走 等等 笑笑 聊聊 问问 坐坐 找找 写写 东西 朋友 先生 学生 时候 地方 事情 告诉 知道 认识 意思 衣服 漂亮 清楚 明白 喜欢 觉得
    便宜 关系 消息 客气 休息 学问 眼睛 耳朵 鼻子 嘴巴 头发 脑袋 胳膊 舌头 骨头 石头 木头 馒头 枕头 前头 后头 里头 外头 念头 拳头 甜头 苦头
    早上 晚上 路上 身上 地上 桌上 世上 手上 车上 床上 墙上 街上 家里 屋里 心里 夜里 哪里 这里 那里 手里 嘴里 眼里 城里 水里
    多少 暖和 凉快 热闹 麻烦 商量 打听 打算 收拾 招呼 照顾 称呼 答应 故事 动静 力气 脾气 福气 运气 天气 味道 窗户 豆腐 葡萄 萝卜 黄瓜 西瓜 棉花 粮食
    蘑菇 庄稼 云彩 月亮 太阳 大夫 师傅 丈夫 亲戚 媳妇 闺女 姑娘 徒弟 护士 和尚 道士 将就 凑合 应付 教训 本事 能耐 结实 老实 厉害 聪明 糊涂 马虎 疙瘩 包袱
    行李 钥匙 扫帚 算盘 灯笼 风筝 玻璃 胭脂 膏药 困难 规矩 利索 利害 难为 勤快 舒服 疏忽 体面 秘书 稀罕 吆喝 折腾 琢磨 嘱咐 部分 记性 名字 名堂 模糊 队伍 耽误
    动弹 吩咐 格式 功夫 工夫 含糊 合同 活泼 伙计 见识 讲究 交情 街坊 精神 咳嗽 口袋 快活 阔气 喇叭 冤枉 张罗 丈人 帐篷 芝麻 状元 字号 白净 扁担 别扭 财主
    苍蝇 柴火 差事 出息 畜生 刺激 刺猬 答理 打扮 打点 打发 打量 大方 大爷 道理 灯笼 提防 地道 点心 东家 动静 嘟囔 对付 对头 恶心 翻腾 风水 干事 高粱 膏药
    告示 胳膊 个子 根子 寡妇 怪物 官司 棺材 罐头 规矩 闺女 哈欠 蛤蟆 核桃 葫芦 护士 记号 家伙 架势 嫁妆 将军 戒指 精神 橘子 开通 栗子 痢疾 连累 良心 林子 溜达 骆驼 买卖 麦子
    苗条 苗头 名气 木匠 奴才 女婿 朋友 屁股 片子 漂亮 亲家 拳头 人家 认得 扇子 商量 少爷 牲口 使唤 似的 世故 是非 收成 首饰 岁数 踏实 抬举 条子 跳蚤 铁匠 头发 妥当 挖苦 晚上
    尾巴 委屈 位置 稳当 窝棚 稀罕 下巴 吓唬 先生 乡下 相声 消息 小气 笑话 心思 行李 兄弟 休息 秀才 学问 哑巴 胭脂 烟筒 养活 摇晃 衣裳 意识 影子 硬朗 月饼 匀称 早晨 怎么 扎实 眨巴
    栅栏 寨子 招牌 折磨 知识 指甲 主意 祖宗 嘴唇 作坊 多么 什么 那么 这么 要么 出来 出去 进来 进去 上来 上去 下来 下去 起来 过来 过去 回来 回去 我们 你们 他们 她们 它们 咱们 人们
    """.split()
) - frozenset(
    "太阳 道理 困难 秘书 天气 刺激 格式 位置 意识 公公 地道 味道 教训 将军 合同 乡下 利害 干事 聪明 是非 风水 字号 打点".split()
)
"""Words whose last syllable is neutral in standard speech (the usual word lists). Taken out again: words that
Putonghua dictionaries give a full tone as the first reading."""

_NOT_A_SUFFIX = frozenset(
    "分子 原子 电子 量子 离子 粒子 质子 中子 光子 因子 孔子 老子 孟子 庄子 女子 男子 弟子 王子 太子 天子 君子 才子 父子 母子 子 莲子 鱼子 瓜子 "
    "种子 孝子 义子 亲子 分子 核子 墨子 荀子 公子 游子 浪子 长子 次子 独子 赤子 臣子 学子 妻子儿女 电子版 夫子 精子 卵子 棋子 石子 枪子 原子能".split()
)


@lru_cache(maxsize=16384)
def neutral_positions(word: str) -> tuple[int, ...]:
    """Places in the word whose syllable is spoken in the neutral tone."""
    if len(word) == 1:
        return (0,) if word in PARTICLES and word not in "着过個" else ()
    positions = []
    for start in range(len(word) - 1):
        if word[start : start + 2] in NEUTRAL_WORDS and (start == 0 or start + 2 == len(word)):
            positions.append(start + 1)
    last = len(word) - 1
    if word[last] in "们們的了吗嗎呢吧嘛么麼着" and word not in (
        "目的",
        "标的",
        "沉着",
        "执着",
        "显着",
        "终了",
        "为了",
        "明了",
        "末了",
    ):
        positions.append(last)
    if word[last] == "子" and word not in _NOT_A_SUFFIX and word[-2:] not in _NOT_A_SUFFIX:
        positions.append(last)
    return tuple(dict.fromkeys(positions))
