<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" sourcelanguage="en" language="zh">
<context>
    <name>geogrounding</name>
    <message>
        <location filename="../options_page.py"/>
        <source> min</source>
        <translation> 分钟</translation>
    </message>
    <message>
        <location filename="../like_choice.py"/>
        <source>(none: by the words)</source>
        <translation>（无：按文字）</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>, about {time}</source>
        <translation>，约 {time}</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>, about {time} left</source>
        <translation>，还需约 {time}</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>, layer “{name}”</source>
        <translation>，图层“{name}”</translation>
    </message>
    <message>
        <location filename="../review_panel.py"/>
        <source>, {h} hidden</source>
        <translation>，隐藏 {h}</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>1 chip</source>
        <translation>1 个图块</translation>
    </message>
    <message>
        <location filename="../outcome.py"/>
        <source>1 result</source>
        <translation>1 个结果</translation>
    </message>
    <message>
        <location filename="../welcome.py"/>
        <source>1. geogrounding needs a Python environment of its own (Python 3.11 or later), outside QGIS; nothing is installed into QGIS. Set it up here:</source>
        <translation>1. geogrounding 需要 QGIS 之外自己的 Python 环境（Python 3.11 或更高）；不会向 QGIS 安装任何东西。在此安装：</translation>
    </message>
    <message>
        <location filename="../welcome.py"/>
        <source>2. After a terminal: choose its Python in the settings, and press Test there.</source>
        <translation>2. 用终端安装后：在设置中选择它的 Python，然后按“测试”。</translation>
    </message>
    <message>
        <location filename="../welcome.py"/>
        <source>3. Load an aerial or satellite image, type “tree” or “airplane”, and press Run.</source>
        <translation>3. 加载航空或卫星影像，输入“tree”或“airplane”，按“运行”。</translation>
    </message>
    <message>
        <location filename="../examples.py"/>
        <source>; not meant: {n}</source>
        <translation>；非目标：{n}</translation>
    </message>
    <message>
        <location filename="../model_store.py"/>
        <source>A model named “{name}” is there already; choose another name.</source>
        <translation>已有名为“{name}”的模型；请换一个名称。</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>A question may have at most {n} characters.</source>
        <translation>一个问题最多 {n} 个字符。</translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>A server does not do this ({method}).</source>
        <translation>服务器不支持此操作（{method}）。</translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>A server does not take files such as {name}.</source>
        <translation>服务器不接受 {name} 这样的文件。</translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>A server teaches one word at a time, and the field holds {n}.</source>
        <translation>服务器一次只能学习一个词，而该字段有 {n} 个。</translation>
    </message>
    <message>
        <location filename="../examples.py"/>
        <source>Accept results in the tab Review first, or select some and tick “Selected”: those are examples.</source>
        <translation>请先在“审核”页接受结果，或选择一些并勾选“所选”：它们就是样例。</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Accepted ones</source>
        <translation>已接受的</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Add</source>
        <translation>添加</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>Add a new layer</source>
        <translation>添加新图层</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>Add to that layer</source>
        <translation>追加到该图层</translation>
    </message>
    <message>
        <location filename="../server_menu.py"/>
        <source>Add to the map</source>
        <translation>添加到地图</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>All of the raster</source>
        <translation>整个栅格</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>All results</source>
        <translation>全部结果</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>All results are hidden.</source>
        <translation>所有结果都被隐藏。</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>An OpenAI-compatible server. Its key is read from the environment variable GEOGROUND_API_KEY.</source>
        <translation>兼容 OpenAI 的服务器。其密钥从环境变量 GEOGROUND_API_KEY 读取。</translation>
    </message>
    <message>
        <location filename="../remote_places.py"/>
        <source>An area or an example has no place in longitude and latitude.</source>
        <translation>某个区域或示例没有经纬度位置。</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Area that was asked about</source>
        <translation>提问的区域</translation>
    </message>
    <message>
        <location filename="../appearance.py"/>
        <source>As it is drawn on the map.</source>
        <translation>按地图上的显示。</translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Ask</source>
        <translation>提问</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Ask about more rasters in the same run</source>
        <translation>在同一次运行中询问更多栅格</translation>
    </message>
    <message>
        <location filename="../dock.py"/>
        <source>Ask the map</source>
        <translation>向地图提问</translation>
    </message>
    <message>
        <location filename="../plugin.py"/>
        <source>Ask the map a question</source>
        <translation>向地图提一个问题</translation>
    </message>
    <message>
        <location filename="../server_menu.py"/>
        <source>Asking the server…</source>
        <translation>正在询问服务器…</translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Asks the same questions of many rasters. Each gets a GeoPackage in the output folder, in its own coordinate system; summary.csv lists raster, layer, status, number of results and message.

A raster that cannot be used does not stop the others.</source>
        <translation>向许多栅格提出相同的问题。每个栅格在输出文件夹中得到一个 GeoPackage，采用各自的坐标系；summary.csv 列出栅格、图层、状态、结果数和消息。

无法使用的栅格不会妨碍其他栅格。</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>At most {n} questions fit one run.</source>
        <translation>一次运行最多 {n} 个问题。</translation>
    </message>
    <message>
        <location filename="../appearance.py"/>
        <source>Bands {bands}</source>
        <translation>波段 {bands}</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Build training set from layer</source>
        <translation>从图层生成训练集</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>By reward: sharpens what the model finds already. By example: teaches what it does not find at all.</source>
        <translation>按奖励：强化模型已能找到的。按样例：教会它完全找不到的。</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>CSV (shapes as WKT)…</source>
        <translation>CSV（形状为 WKT）…</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>Cancelled.</source>
        <translation>已取消。</translation>
    </message>
    <message>
        <location filename="../outcome.py"/>
        <source>Cancelled; {found} so far.</source>
        <translation>已取消；目前 {found}。</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>Cancelling…</source>
        <translation>正在取消…</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Change numbers and words of the plan before the run</source>
        <translation>运行前修改计划中的数字和词语</translation>
    </message>
    <message>
        <location filename="../algorithms/ready.py"/>
        <source>Check that searching by words is ready</source>
        <translation>检查按文字搜索是否就绪</translation>
    </message>
    <message>
        <location filename="../remote_places.py"/>
        <source>Check the coordinate system of its layer.</source>
        <translation>请检查其图层的坐标系。</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Choose a polygon layer for the area.</source>
        <translation>请选择一个面图层作为区域。</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Choose a polygon layer with examples.</source>
        <translation>请选择含样例的面图层。</translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>Choose a raster layer.</source>
        <translation>请选择栅格图层。</translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>Choose another Python.</source>
        <translation>请选择另一个 Python。</translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>Choose the folder of its checkout, or a folder with its wheel.</source>
        <translation>请选择其源代码文件夹，或含其 wheel 的文件夹。</translation>
    </message>
    <message>
        <location filename="../correcting.py"/>
        <source>Choose the raster that the examples were drawn on.</source>
        <translation>请选择绘制样例所用的栅格。</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Click a result on the map to review it</source>
        <translation>在地图上点击一个结果来审核</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Colours</source>
        <translation>颜色</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>Continue: {run}</source>
        <translation>继续：{run}</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Copied. It names versions, settings and the last messages of the engine.</source>
        <translation>已复制。其中包含版本、设置和引擎的最后消息。</translation>
    </message>
    <message>
        <location filename="../welcome.py"/>
        <source>Copy commands</source>
        <translation>复制命令</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Copy diagnostics</source>
        <translation>复制诊断信息</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Corners</source>
        <translation>顶点</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Correct</source>
        <translation>修正</translation>
    </message>
    <message>
        <location filename="../ask_controller.py"/>
        <source>Counting chips…</source>
        <translation>正在计算图块数…</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>Ctrl+Enter</source>
        <translation>Ctrl+Enter</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>Cuts a training set from the layer and fine-tunes a model on it. The folder of the result is the name of the new model: give it as “Model” to “Find objects by words”. In the folder of trained models (Settings ▸ Options ▸ geogrounding) it is also listed in the panel.</source>
        <translation>从图层裁出训练集并据此微调模型。结果文件夹就是新模型的名称：在“用文字查找对象”中作为“模型”给出。若位于训练模型文件夹（设置 ▸ 选项 ▸ geogrounding），它也会出现在面板中。</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Cuts the raster into the chips that a model sees and writes the polygons of a layer as their labels: images and train.jsonl in the form of Geo-R1, for “geoground train” on this or another machine.

“Label” names all polygons at once; “or by field” takes the name of each from an attribute.</source>
        <translation>把栅格裁成模型所看的图块，并把图层的多边形写成标签：Geo-R1 形式的图像和 train.jsonl，供本机或其他机器上的“geoground train”使用。

“标签”一次命名所有多边形；“或按字段”从属性取每个的名称。</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Cutting the training set…</source>
        <translation>正在裁切训练集…</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Defaults of a question</source>
        <translation>提问的默认值</translation>
    </message>
    <message>
        <location filename="../correcting.py"/>
        <source>Delete</source>
        <translation>删除</translation>
    </message>
    <message>
        <location filename="../models_menu.py"/>
        <source>Delete the model “{name}”? This cannot be undone.</source>
        <translation>删除模型“{name}”？此操作无法撤销。</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Delete the selected results</source>
        <translation>删除所选结果</translation>
    </message>
    <message>
        <location filename="../models_menu.py"/>
        <source>Delete…</source>
        <translation>删除…</translation>
    </message>
    <message>
        <location filename="../demo.py"/>
        <source>Demo: forest</source>
        <translation>演示：森林</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Device</source>
        <translation>设备</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Draw</source>
        <translation>绘制</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Draw a line through results</source>
        <translation>画一条穿过结果的线</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Draw a polygon on the map; a click with the right button ends it</source>
        <translation>在地图上画多边形；右键结束</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Draw a rectangle on the map</source>
        <translation>在地图上画矩形</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Draw a rectangle or a polygon on the map first.</source>
        <translation>请先在地图上画矩形或多边形。</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Draw about ten examples of one kind of thing in a polygon layer, or accept results in the tab Review, and train. The new model is then listed under Model in the tab Ask.</source>
        <translation>在面图层中画大约十个同类样例，或在“审核”页接受结果，然后训练。新模型随后列在“提问”页的“模型”中。</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Draw examples…</source>
        <translation>绘制样例…</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Draw one that was missed; it counts as accepted</source>
        <translation>画出一个遗漏的；视为已接受</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Drawn</source>
        <translation>已绘制</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Earlier</source>
        <translation>早前的</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Edit…</source>
        <translation>编辑…</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Empty it</source>
        <translation>清空</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Engine</source>
        <translation>引擎</translation>
    </message>
    <message>
        <location filename="../dock.py"/>
        <source>Engine: {path}</source>
        <translation>引擎：{path}</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Examples</source>
        <translation>样例</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Examples of what is not meant</source>
        <translation>不想要的样例</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Examples: find what looks like them</source>
        <translation>样例：查找与之相似的</translation>
    </message>
    <message>
        <location filename="../models_menu.py"/>
        <source>Export</source>
        <translation>导出</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Export anyway</source>
        <translation>仍然导出</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Exported rasters</source>
        <translation>导出的栅格</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Exporting the raster…</source>
        <translation>正在导出栅格…</translation>
    </message>
    <message>
        <location filename="../ask_controller.py"/>
        <source>Exporting the raster… %p%</source>
        <translation>正在导出栅格… %p%</translation>
    </message>
    <message>
        <location filename="../models_menu.py"/>
        <source>Export…</source>
        <translation>导出…</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Extent</source>
        <translation>范围</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Find</source>
        <translation>查找</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Find all like this</source>
        <translation>查找所有类似的</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Find objects by words</source>
        <translation>用文字查找对象</translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Find objects by words (batch)</source>
        <translation>用文字查找对象（批处理）</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Finds what each line of “What to look for” describes in the raster, as polygons with label, score and the reasoning of the model, in the coordinate system of the raster.

Rasters that are no plain file (WMS, XYZ tiles, virtual rasters) are first exported for the extent. “The one object described” keeps the best answer to each question.</source>
        <translation>在栅格中查找“要找什么”每行所描述的内容，结果为带标签、得分和模型推理的多边形，采用栅格的坐标系。

不是普通文件的栅格（WMS、XYZ 瓦片、虚拟栅格）会先按范围导出。“所描述的那一个对象”保留每个问题的最佳答案。</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>Fine-tune from layer</source>
        <translation>从图层微调</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Folder</source>
        <translation>文件夹</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Folders</source>
        <translation>文件夹</translation>
    </message>
    <message>
        <location filename="../shaping.py"/>
        <source>For results that were asked for as outlines</source>
        <translation>适用于以轮廓方式询问的结果</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>Forget them</source>
        <translation>忘记它们</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Found</source>
        <translation>找到的</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Found. Press Test.</source>
        <translation>已找到。请按“测试”。</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>From 1:1500</source>
        <translation>从 1:1500 起</translation>
    </message>
    <message>
        <location filename="../model_store.py"/>
        <source>Give the new model a short name of letters, digits, “-” and “_”.</source>
        <translation>请给新模型一个由字母、数字、“-”和“_”组成的短名称。</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Go on</source>
        <translation>继续</translation>
    </message>
    <message>
        <location filename="../ask_options.py"/>
        <source>Ground resolution</source>
        <translation>地面分辨率</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Ground resolution in metres (empty: what suits the model)</source>
        <translation>地面分辨率，米（空：适合模型的值）</translation>
    </message>
    <message>
        <location filename="../forms.py"/>
        <source>Ground size of a pixel that the model sees; automatic: what suits the model</source>
        <translation>模型所见像素的地面大小；自动：适合模型的值</translation>
    </message>
    <message>
        <location filename="../dock.py"/>
        <source>Help</source>
        <translation>帮助</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Hide below</source>
        <translation>隐藏低于</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>History</source>
        <translation>历史</translation>
    </message>
    <message>
        <location filename="../plan_dialog.py"/>
        <source>How the questions are understood</source>
        <translation>问题如何被理解</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>I drew every one in this area</source>
        <translation>此区域内的我都画了</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Inside the polygons of a layer</source>
        <translation>在某图层的多边形内</translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>It needs an engine on this computer: see the settings.</source>
        <translation>需要本机上的引擎：请参阅设置。</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Keep results in a GeoPackage</source>
        <translation>把结果保存在 GeoPackage 中</translation>
    </message>
    <message>
        <location filename="../review_panel.py"/>
        <source>Key {key}, while this tab is open</source>
        <translation>此页打开时按键 {key}</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Label</source>
        <translation>标签</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Layer</source>
        <translation>图层</translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Layers</source>
        <translation>图层</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Layers that the questions speak of by their names</source>
        <translation>问题中以名称提到的图层</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Length</source>
        <translation>时长</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Load a demo raster</source>
        <translation>加载演示栅格</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Loading the model…</source>
        <translation>正在加载模型…</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Loss</source>
        <translation>损失</translation>
    </message>
    <message>
        <location filename="../ask_options.py"/>
        <source>Lowest score</source>
        <translation>最低得分</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Lowest score (empty: what suits the model)</source>
        <translation>最低得分（空：适合模型的值）</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Make the selected results one, with the attributes of the surest</source>
        <translation>把所选结果合为一个，取最可靠者的属性</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Makes a Python environment in {path} and installs geogrounding there. Nothing is installed into QGIS. It needs about 2 GB of disk space; an interrupted set-up goes on where it stopped.</source>
        <translation>在 {path} 建立 Python 环境并在其中安装 geogrounding。不会向 QGIS 安装任何东西。约需 2 GB 磁盘空间；中断的安装会从停止处继续。</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Makes a layer for examples of this raster, and starts to draw in it</source>
        <translation>为此栅格的样例建立图层并开始绘制</translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>Making an environment…</source>
        <translation>正在建立环境…</translation>
    </message>
    <message>
        <location filename="../correcting.py"/>
        <source>Merge</source>
        <translation>合并</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>Method</source>
        <translation>方法</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Model server</source>
        <translation>模型服务器</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>Model to start from</source>
        <translation>起始模型</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Move, add and delete corners</source>
        <translation>移动、添加和删除顶点</translation>
    </message>
    <message>
        <location filename="../models_menu.py"/>
        <source>Name</source>
        <translation>名称</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>Name of the new model</source>
        <translation>新模型的名称</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Neither accepted nor rejected</source>
        <translation>既未接受也未拒绝</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>New model</source>
        <translation>新模型</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Next ▶</source>
        <translation>下一个 ▶</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>No engine is set up: Settings ▸ Options ▸ geogrounding, or the variable GEOGROUND_ENGINE.</source>
        <translation>未设置引擎：设置 ▸ 选项 ▸ geogrounding，或变量 GEOGROUND_ENGINE。</translation>
    </message>
    <message>
        <location filename="../dock.py"/>
        <source>No engine yet.</source>
        <translation>尚无引擎。</translation>
    </message>
    <message>
        <location filename="../dock.py"/>
        <source>No geoground is on the search path. Open the settings and choose its Python.</source>
        <translation>搜索路径中没有 geoground。请打开设置并选择它的 Python。</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>No result is accepted yet.</source>
        <translation>尚未接受任何结果。</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>Not a plain file: {c} × {r} pixels are first exported (up to {mb} MB).</source>
        <translation>不是普通文件：先导出 {c} × {r} 像素（最多 {mb} MB）。</translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>Not enough free disk space for the export in {folder}.</source>
        <translation>{folder} 中没有足够的空间用于导出。</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>Not saved: {why}</source>
        <translation>未保存：{why}</translation>
    </message>
    <message>
        <location filename="../outcome.py"/>
        <source>Nothing for: {questions}.</source>
        <translation>没有结果：{questions}。</translation>
    </message>
    <message>
        <location filename="../outcome.py"/>
        <source>Nothing was found. Try another word, a lower score or another ground resolution.</source>
        <translation>什么也没找到。请换一个词、更低的得分或另一个地面分辨率。</translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Number of results</source>
        <translation>结果数</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Number of samples</source>
        <translation>样本数</translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>On Debian and Ubuntu: sudo apt install python3-venv. Else install Python from python.org.</source>
        <translation>在 Debian 和 Ubuntu 上：sudo apt install python3-venv。否则请从 python.org 安装 Python。</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Only inside the selected polygons</source>
        <translation>仅在所选多边形内</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Only inside these polygons</source>
        <translation>仅在这些多边形内</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Open results that were kept before</source>
        <translation>打开以前保存的结果</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Open settings…</source>
        <translation>打开设置…</translation>
    </message>
    <message>
        <location filename="../ask_options.py"/>
        <source>Options</source>
        <translation>选项</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Order</source>
        <translation>顺序</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>Other layers of the file stay as they are.</source>
        <translation>文件中的其他图层保持不变。</translation>
    </message>
    <message>
        <location filename="../forms.py"/>
        <source>Outlines can be simplified in the tab Review, without asking again</source>
        <translation>轮廓可在“审核”页简化，无需重新询问</translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Output folder</source>
        <translation>输出文件夹</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Package index</source>
        <translation>软件包索引</translation>
    </message>
    <message>
        <location filename="../plan_dialog.py"/>
        <source>Part</source>
        <translation>部分</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Pick</source>
        <translation>点选</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Polygons</source>
        <translation>多边形</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Python 3.11 or later</source>
        <translation>Python 3.11 或更高</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Python or geoground</source>
        <translation>Python 或 geoground</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Questions asked before</source>
        <translation>以前提过的问题</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Raster</source>
        <translation>栅格</translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Rasters</source>
        <translation>栅格</translation>
    </message>
    <message>
        <location filename="../server_menu.py"/>
        <source>Rasters on the server</source>
        <translation>服务器上的栅格</translation>
    </message>
    <message>
        <location filename="../server_menu.py"/>
        <source>Rasters on the server…</source>
        <translation>服务器上的栅格…</translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Rasters that failed</source>
        <translation>失败的栅格</translation>
    </message>
    <message>
        <location filename="../algorithms/ready.py"/>
        <source>Ready</source>
        <translation>就绪</translation>
    </message>
    <message>
        <location filename="../train_controller.py"/>
        <source>Ready. The model is in the list of the tab Ask, and chosen.</source>
        <translation>完成。模型已列在“提问”页并被选中。</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Reasoning: select a result on the map, or press Next.</source>
        <translation>推理：在地图上选择一个结果，或按“下一个”。</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Remove</source>
        <translation>移除</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Removed.</source>
        <translation>已移除。</translation>
    </message>
    <message>
        <location filename="../models_menu.py"/>
        <source>Rename</source>
        <translation>重命名</translation>
    </message>
    <message>
        <location filename="../models_menu.py"/>
        <source>Rename…</source>
        <translation>重命名…</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Reopen</source>
        <translation>重新打开</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>Replace that layer</source>
        <translation>替换该图层</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Results</source>
        <translation>结果</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Results that score lower are hidden, not deleted</source>
        <translation>得分更低的结果会被隐藏，而不是删除</translation>
    </message>
    <message>
        <location filename="../forms.py"/>
        <source>Results that score lower are left out; automatic: what suits the model</source>
        <translation>得分更低的结果会被略去；自动：适合模型的值</translation>
    </message>
    <message>
        <location filename="../dock.py"/>
        <source>Review</source>
        <translation>审核</translation>
    </message>
    <message>
        <location filename="../verdicts.py"/>
        <source>Review of {n} results</source>
        <translation>审核 {n} 个结果</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Reward</source>
        <translation>奖励</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Run</source>
        <translation>运行</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>Run sends the raster to the server first ({mb} MB).</source>
        <translation>运行时先将栅格发送到服务器（{mb} MB）。</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Runs that ended early</source>
        <translation>提前结束的运行</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>Save</source>
        <translation>保存</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Save as</source>
        <translation>另存为</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Save edits</source>
        <translation>保存编辑</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>Save results</source>
        <translation>保存结果</translation>
    </message>
    <message>
        <location filename="../shaping.py"/>
        <source>Save the edits first: shapes that are being edited are not drawn again.</source>
        <translation>请先保存编辑：正在编辑的形状不会重新绘制。</translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>Save the layer as a GeoTIFF (Export ▸ Save As), and ask about that one.</source>
        <translation>将图层另存为 GeoTIFF（导出 ▸ 另存为），再对其提问。</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>Saved: {path}</source>
        <translation>已保存：{path}</translation>
    </message>
    <message>
        <location filename="../saving.py"/>
        <source>Saving results</source>
        <translation>正在保存结果</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Say what the examples are, such as: greenhouse</source>
        <translation>请说明样例是什么，例如：greenhouse</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Scores on the map</source>
        <translation>地图上的得分</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Search</source>
        <translation>搜索</translation>
    </message>
    <message>
        <location filename="../welcome.py"/>
        <source>Search for it</source>
        <translation>搜索它</translation>
    </message>
    <message>
        <location filename="../dock.py"/>
        <source>Searching…</source>
        <translation>正在搜索…</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Seed</source>
        <translation>随机种子</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Select polygons of “{name}” first.</source>
        <translation>请先选择“{name}”的多边形。</translation>
    </message>
    <message>
        <location filename="../correcting.py"/>
        <source>Select results to delete.</source>
        <translation>请选择要删除的结果。</translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>Select the examples of one word, and enter it.</source>
        <translation>请选择一个词的示例，并输入该词。</translation>
    </message>
    <message>
        <location filename="../correcting.py"/>
        <source>Select two or more results to merge.</source>
        <translation>请选择两个或更多结果来合并。</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Selected</source>
        <translation>所选</translation>
    </message>
    <message>
        <location filename="../ask_controller.py"/>
        <source>Sending the raster to the server… %p%</source>
        <translation>正在将栅格发送到服务器… %p%</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Set up</source>
        <translation>安装</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Set up the engine…</source>
        <translation>安装引擎…</translation>
    </message>
    <message>
        <location filename="../dock.py"/>
        <source>Settings of geogrounding</source>
        <translation>geogrounding 的设置</translation>
    </message>
    <message>
        <location filename="../plugin.py"/>
        <source>Settings…</source>
        <translation>设置…</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Shapefile (texts are cut at 254 characters)…</source>
        <translation>Shapefile（文本截断为 254 个字符）…</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Share of images without a target</source>
        <translation>无目标图像的比例</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Show</source>
        <translation>显示</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Simplify</source>
        <translation>简化</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Simplify outlines, metres (empty: what suits the pixels)</source>
        <translation>简化轮廓，米（空：适合像素的值）</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Size</source>
        <translation>大小</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Split</source>
        <translation>分割</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>Starting…</source>
        <translation>正在启动…</translation>
    </message>
    <message>
        <location filename="../algorithms/ready.py"/>
        <source>Starts the engine of the settings and reports its version, device and models, or what is missing. READY and TEXT can be used in a model before other algorithms of this group.</source>
        <translation>启动设置中的引擎并报告其版本、设备和模型，或缺少什么。READY 和 TEXT 可在模型中用于本组其他算法之前。</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Step {step} of {steps}</source>
        <translation>第 {step} 步，共 {steps} 步</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>Steps</source>
        <translation>步数</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Stop when idle for</source>
        <translation>空闲后停止</translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Table</source>
        <translation>表格</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Take the last verdict back, and go back to its result (key U)</source>
        <translation>撤回上一个裁定并回到该结果（键 U）</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Teach</source>
        <translation>教学</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Test</source>
        <translation>测试</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Test checks version, device, models and coordinate systems.</source>
        <translation>测试会检查版本、设备、模型和坐标系。</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Testing: the first start takes a few seconds…</source>
        <translation>正在测试：首次启动需要几秒…</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>The Python that geogrounding is installed in</source>
        <translation>安装了 geogrounding 的 Python</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>The area lies beside every raster that is chosen.</source>
        <translation>该区域在所有所选栅格之外。</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>The checkout of geogrounding, or a folder with its wheel</source>
        <translation>geogrounding 的源代码，或含其 wheel 的文件夹</translation>
    </message>
    <message>
        <location filename="../loss_plot.py"/>
        <source>The curve appears while training runs.</source>
        <translation>训练进行时显示曲线。</translation>
    </message>
    <message>
        <location filename="../demo.py"/>
        <source>The demo raster is not part of this installation.</source>
        <translation>此安装不含演示栅格。</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>The engine does not work.</source>
        <translation>引擎无法工作。</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>The engine is set up.</source>
        <translation>引擎已安装。</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>The engine works.</source>
        <translation>引擎工作正常。</translation>
    </message>
    <message>
        <location filename="../examples.py"/>
        <source>The examples could not be written: {why}</source>
        <translation>无法写入样例：{why}</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>The examples have no valid coordinate system. Set it in Layer Properties.</source>
        <translation>样例没有有效的坐标系。请在图层属性中设置。</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>The extent cannot be expressed in the coordinate system of the layer.</source>
        <translation>该范围无法用图层的坐标系表示。</translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>The extent lies beside the layer “{name}”.</source>
        <translation>该范围在图层“{name}”之外。</translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>The job was cancelled on the server.</source>
        <translation>任务已在服务器上取消。</translation>
    </message>
    <message>
        <location filename="../examples.py"/>
        <source>The layer holds no geometry that can be used.</source>
        <translation>该图层没有可用的几何。</translation>
    </message>
    <message>
        <location filename="../review_panel.py"/>
        <source>The layer is being saved; try again in a moment.</source>
        <translation>图层正在保存；请稍后再试。</translation>
    </message>
    <message>
        <location filename="../outcome.py"/>
        <source>The layer of the results was removed while the run went on.</source>
        <translation>运行期间结果图层被移除。</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>The layer on the map is still a temporary one.</source>
        <translation>地图上的图层仍是临时图层。</translation>
    </message>
    <message>
        <location filename="../correcting.py"/>
        <source>The layer “{name}” cannot be changed.</source>
        <translation>图层“{name}”无法修改。</translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>The layer “{name}” cannot be exported.</source>
        <translation>图层“{name}”无法导出。</translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>The layer “{name}” could not be exported ({reason}).</source>
        <translation>图层“{name}”未能导出（{reason}）。</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>The layer “{name}” has no valid coordinate system. Set it in Layer Properties ▸ Source.</source>
        <translation>图层“{name}”没有有效的坐标系。请在 图层属性 ▸ 源 中设置。</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>The layer “{name}” holds no polygon.</source>
        <translation>图层“{name}”没有多边形。</translation>
    </message>
    <message>
        <location filename="../saving.py"/>
        <source>The layer “{name}” of this project lives there. Choose another name.</source>
        <translation>本项目的图层“{name}”就在那里。请换一个名称。</translation>
    </message>
    <message>
        <location filename="../saving.py"/>
        <source>The layer “{name}” of {file} has not the attributes of results, so nothing can be added to it.</source>
        <translation>{file} 的图层“{name}”没有结果的属性，因此无法追加。</translation>
    </message>
    <message>
        <location filename="../manual.py"/>
        <source>The manual is docs/qgis.md of geogrounding.</source>
        <translation>手册是 geogrounding 的 docs/qgis.md。</translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>The map server of “{name}” sent nothing for this area. Check that the map shows it.</source>
        <translation>“{name}”的地图服务器没有为此区域发送任何内容。请检查地图是否显示该区域。</translation>
    </message>
    <message>
        <location filename="../train_controller.py"/>
        <source>The model is trained: {name}</source>
        <translation>模型已训练：{name}</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>The model stays loaded between questions; after so long without one, memory is freed</source>
        <translation>模型在提问之间保持加载；这么久没有提问后释放内存</translation>
    </message>
    <message>
        <location filename="../engine_link.py"/>
        <source>The plugin is being unloaded.</source>
        <translation>插件正在卸载。</translation>
    </message>
    <message>
        <location filename="../server_layers.py"/>
        <source>The raster of the server cannot be shown.</source>
        <translation>无法显示服务器上的栅格。</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>The results are temporary: nothing can be written to {folder} ({why}). Save them under another name, and choose another folder in the settings.</source>
        <translation>结果是临时的：无法写入 {folder}（{why}）。请用其他名称保存，并在设置中选择其他文件夹。</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>The selected results, or else the accepted ones, become examples; rejected ones are not meant</source>
        <translation>所选结果（否则为已接受的）成为样例；被拒绝的不要</translation>
    </message>
    <message>
        <location filename="../server_menu.py"/>
        <source>The server has no raster.</source>
        <translation>服务器上没有栅格。</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Then go to the next open one</source>
        <translation>然后转到下一个未审核的</translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>There is no geogrounding in {path}.</source>
        <translation>{path} 中没有 geogrounding。</translation>
    </message>
    <message>
        <location filename="../saving.py"/>
        <source>There is no layer “{name}” in {file}.</source>
        <translation>{file} 中没有图层“{name}”。</translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>These outlines were drawn by another server.</source>
        <translation>这些轮廓是由另一台服务器绘制的。</translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>These outlines were not drawn by the server.</source>
        <translation>这些轮廓不是由该服务器绘制的。</translation>
    </message>
    <message>
        <location filename="../correcting.py"/>
        <source>These results do not touch, so that they cannot become one polygon.</source>
        <translation>这些结果互不相接，不能合成一个多边形。</translation>
    </message>
    <message>
        <location filename="../background.py"/>
        <source>This is a defect of the plugin; please report it.</source>
        <translation>这是插件的缺陷；请报告。</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Ticked: what is not drawn there is something else. Else: what looks like them may be one of them.</source>
        <translation>勾选：那里未画出的是别的东西。否则：与之相似的可能也是其中之一。</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Token of the server</source>
        <translation>服务器令牌</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Train</source>
        <translation>训练</translation>
    </message>
    <message>
        <location filename="../models_menu.py"/>
        <source>Trained models</source>
        <translation>训练过的模型</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Training set</source>
        <translation>训练集</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Type what to look for, such as: airplane</source>
        <translation>请输入要找什么，例如：airplane</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Undo</source>
        <translation>撤销</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Until then Ctrl+Z takes corrections back</source>
        <translation>在此之前 Ctrl+Z 可撤回修正</translation>
    </message>
    <message>
        <location filename="../plan_dialog.py"/>
        <source>Value</source>
        <translation>值</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>View</source>
        <translation>视图</translation>
    </message>
    <message>
        <location filename="../ask_controller.py"/>
        <source>Waiting; jobs before this one: {n}</source>
        <translation>等待中；前面的任务：{n}</translation>
    </message>
    <message>
        <location filename="../welcome.py"/>
        <source>Welcome: three steps to the first question</source>
        <translation>欢迎：三步提出第一个问题</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>What is not hidden</source>
        <translation>未隐藏的</translation>
    </message>
    <message>
        <location filename="../like_choice.py"/>
        <source>What looks like these examples is found, and the question is only its name. Of results the accepted ones are examples, and the rejected ones are not meant.</source>
        <translation>查找与这些样例相似的，问题只是它的名称。对于结果图层，已接受的是样例，被拒绝的不要。</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>What the map shows when you press Run; it is then kept as a drawn rectangle</source>
        <translation>按“运行”时地图所示；之后作为所画矩形保留</translation>
    </message>
    <message>
        <location filename="../algorithms/ready.py"/>
        <source>What there is, or what is missing</source>
        <translation>有什么，或缺什么</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>What to look for</source>
        <translation>要找什么</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>What to look for (one question a line)</source>
        <translation>要找什么（每行一个问题）</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>What “geoground serve” prints, or GEOGROUND_TOKEN of the server</source>
        <translation>“geoground serve” 输出的内容，或服务器的 GEOGROUND_TOKEN</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Where</source>
        <translation>范围</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Without a network: only wheels of this folder</source>
        <translation>无网络：仅用此文件夹中的 wheel</translation>
    </message>
    <message>
        <location filename="../welcome.py"/>
        <source>Your team has a server? Skip step 1, and paste its link in the settings.</source>
        <translation>您的团队有服务器？跳过第 1 步，在设置中粘贴其链接。</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Zoom</source>
        <translation>缩放</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>a first look</source>
        <translation>初看</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>a path, or the address of a server: http://host:8000</source>
        <translation>路径，或服务器地址：http://host:8000</translation>
    </message>
    <message>
        <location filename="../facts.py"/>
        <source>accepted</source>
        <translation>已接受</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>airplane
the largest storage tank
(one question a line)</source>
        <translation>airplane
the largest storage tank
（每行一个问题）</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>any</source>
        <translation>任意</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>as pip is configured</source>
        <translation>按 pip 的配置</translation>
    </message>
    <message>
        <location filename="../forms.py"/>
        <source>automatic</source>
        <translation>自动</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>beside the project</source>
        <translation>在项目旁</translation>
    </message>
    <message>
        <location filename="../choices.py"/>
        <source>boxes</source>
        <translation>矩形</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>built-in</source>
        <translation>内置</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>builtin, the folder of a model, or with a server the name it gives the model</source>
        <translation>builtin、模型文件夹，或使用服务器时它给模型的名称</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>by example (SFT)</source>
        <translation>按样例（SFT）</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>by reward (GRPO)</source>
        <translation>按奖励（GRPO）</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>by score</source>
        <translation>按得分</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>by verdict</source>
        <translation>按裁定</translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>cancelled</source>
        <translation>已取消</translation>
    </message>
    <message>
        <location filename="../diagnostics.py"/>
        <source>coordinate systems are found: {id} {name}</source>
        <translation>能找到坐标系：{id} {name}</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>detect,object,find,search,ground,expression,AI,deep learning,segment,count,vision</source>
        <translation>检测,对象,查找,搜索,定位,表达,人工智能,深度学习,分割,计数,视觉</translation>
    </message>
    <message>
        <location filename="../diagnostics.py"/>
        <source>device: {device} ({name})</source>
        <translation>设备：{device}（{name}）</translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>error {n}</source>
        <translation>错误 {n}</translation>
    </message>
    <message>
        <location filename="../choices.py"/>
        <source>everything that fits</source>
        <translation>所有符合的</translation>
    </message>
    <message>
        <location filename="../ask_controller.py"/>
        <source>geogrounding: 1 question</source>
        <translation>geogrounding：1 个问题</translation>
    </message>
    <message>
        <location filename="../manual.py"/>
        <source>geogrounding: help</source>
        <translation>geogrounding：帮助</translation>
    </message>
    <message>
        <location filename="../train_controller.py"/>
        <source>geogrounding: training</source>
        <translation>geogrounding：训练</translation>
    </message>
    <message>
        <location filename="../ask_controller.py"/>
        <source>geogrounding: {n} questions</source>
        <translation>geogrounding：{n} 个问题</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>greenhouse</source>
        <translation>greenhouse</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>least sure first</source>
        <translation>最不可靠的在前</translation>
    </message>
    <message>
        <location filename="../diagnostics.py"/>
        <source>missing</source>
        <translation>缺少</translation>
    </message>
    <message>
        <location filename="../diagnostics.py"/>
        <source>models: </source>
        <translation>模型：</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>my-greenhouses</source>
        <translation>我的温室</translation>
    </message>
    <message>
        <location filename="../facts.py"/>
        <source>no label</source>
        <translation>无标签</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>no other raster</source>
        <translation>没有其他栅格</translation>
    </message>
    <message>
        <location filename="../review_panel.py"/>
        <source>none</source>
        <translation>无</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>none yet</source>
        <translation>尚无</translation>
    </message>
    <message>
        <location filename="../diagnostics.py"/>
        <source>not started</source>
        <translation>未启动</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>or by field</source>
        <translation>或按字段</translation>
    </message>
    <message>
        <location filename="../welcome.py"/>
        <source>or in a terminal (without a network: see the manual, ? below):</source>
        <translation>或在终端中（无网络：见手册，下方 ?）：</translation>
    </message>
    <message>
        <location filename="../choices.py"/>
        <source>outlines</source>
        <translation>轮廓</translation>
    </message>
    <message>
        <location filename="../choices.py"/>
        <source>outlines with right angles</source>
        <translation>直角轮廓</translation>
    </message>
    <message>
        <location filename="../diagnostics.py"/>
        <source>packages: </source>
        <translation>软件包：</translation>
    </message>
    <message>
        <location filename="../server_menu.py"/>
        <source>part of the name</source>
        <translation>名称的一部分</translation>
    </message>
    <message>
        <location filename="../facts.py"/>
        <source>rejected</source>
        <translation>已拒绝</translation>
    </message>
    <message>
        <location filename="../facts.py"/>
        <source>score {s}</source>
        <translation>得分 {s}</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>step {n}: {metrics}</source>
        <translation>第 {n} 步：{metrics}</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>surest first</source>
        <translation>最可靠的在前</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>the model of the server</source>
        <translation>服务器的模型</translation>
    </message>
    <message>
        <location filename="../choices.py"/>
        <source>the one object described</source>
        <translation>所描述的那一个对象</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>thorough</source>
        <translation>彻底</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>train.jsonl</source>
        <translation>train.jsonl</translation>
    </message>
    <message>
        <location filename="../choices.py"/>
        <source>turned boxes</source>
        <translation>旋转矩形</translation>
    </message>
    <message>
        <location filename="../saving.py"/>
        <source>unknown error</source>
        <translation>未知错误</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>usual</source>
        <translation>常规</translation>
    </message>
    <message>
        <location filename="../appearance.py"/>
        <source>values {limits}</source>
        <translation>值 {limits}</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>{c} × {r} pixels are exported first; that may take long.</source>
        <translation>先导出 {c} × {r} 像素；可能需要较长时间。</translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>{c} × {r} pixels would have to be exported. Choose a smaller extent or a coarser resolution.</source>
        <translation>需要导出 {c} × {r} 像素。请选择更小的范围或更粗的分辨率。</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>{done} of {total} chips, {found} found before merging</source>
        <translation>{total} 个图块中的 {done} 个，合并前找到 {found}</translation>
    </message>
    <message>
        <location filename="../model_store.py"/>
        <source>{file} could not be written.</source>
        <translation>无法写入 {file}。</translation>
    </message>
    <message>
        <location filename="../saving.py"/>
        <source>{file} exists and is no GeoPackage ({why}). Choose another name.</source>
        <translation>{file} 已存在且不是 GeoPackage（{why}）。请换一个名称。</translation>
    </message>
    <message>
        <location filename="../outcome.py"/>
        <source>{found}.</source>
        <translation>{found}。</translation>
    </message>
    <message>
        <location filename="../outcome.py"/>
        <source>{found}; {n} of {all} chips could not be answered, see the log.</source>
        <translation>{found}；{all} 个图块中有 {n} 个未能回答，见日志。</translation>
    </message>
    <message>
        <location filename="../messages.py"/>
        <source>{h} h {m} min</source>
        <translation>{h} 小时 {m} 分</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>{label} ({n} steps)</source>
        <translation>{label}（{n} 步）</translation>
    </message>
    <message>
        <location filename="../review_panel.py"/>
        <source>{layer} (unfinished)</source>
        <translation>{layer}（未完成）</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>{mb} MB are free again.</source>
        <translation>释放了 {mb} MB。</translation>
    </message>
    <message>
        <location filename="../messages.py"/>
        <source>{m} min {s} s</source>
        <translation>{m} 分 {s} 秒</translation>
    </message>
    <message>
        <location filename="../loss_plot.py"/>
        <source>{name}: {value} at step {step}</source>
        <translation>{name}：第 {step} 步为 {value}</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>{n} chips</source>
        <translation>{n} 个图块</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>{n} examples</source>
        <translation>{n} 个示例</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>{n} examples are too few; draw at least {least}, better {good}.</source>
        <translation>{n} 个样例太少；至少画 {least} 个，最好 {good} 个。</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>{n} of {all} chips could not be answered:</source>
        <translation>{all} 个图块中有 {n} 个未能回答：</translation>
    </message>
    <message>
        <location filename="../saving.py"/>
        <source>{n} of {all} rows are in the file.</source>
        <translation>文件中有 {all} 行中的 {n} 行。</translation>
    </message>
    <message>
        <location filename="../server_menu.py"/>
        <source>{n} rasters</source>
        <translation>{n} 个栅格</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>{n} rasters: {text}</source>
        <translation>{n} 个栅格：{text}</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>{n} results</source>
        <translation>{n} 个结果</translation>
    </message>
    <message>
        <location filename="../ask_controller.py"/>
        <source>{n} results had no usable polygon and were left out.</source>
        <translation>{n} 个结果没有可用的多边形，已略去。</translation>
    </message>
    <message>
        <location filename="../messages.py"/>
        <source>{n} s</source>
        <translation>{n} 秒</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>{n} samples in {path}</source>
        <translation>{path} 中有 {n} 个样本</translation>
    </message>
    <message>
        <location filename="../review_panel.py"/>
        <source>{n} verdicts written…</source>
        <translation>已写入 {n} 个裁定…</translation>
    </message>
    <message>
        <location filename="../model_store.py"/>
        <source>{path} cannot be deleted: {why}</source>
        <translation>无法删除 {path}：{why}</translation>
    </message>
    <message>
        <location filename="../model_store.py"/>
        <source>{path} cannot be renamed: {why}</source>
        <translation>无法重命名 {path}：{why}</translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>{path} cannot make environments.</source>
        <translation>{path} 不能建立环境。</translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>{path} is there, and is not from here.</source>
        <translation>{path} 已存在，且不是由此建立的。</translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>{path} is too old: Python 3.11 or later is needed.</source>
        <translation>{path} 太旧：需要 Python 3.11 或更高。</translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>{program} failed.</source>
        <translation>{program} 失败。</translation>
    </message>
    <message>
        <location filename="../review_panel.py"/>
        <source>{results}: {a} accepted, {r} rejected, {o} open</source>
        <translation>{results}：接受 {a}，拒绝 {r}，未审核 {o}</translation>
    </message>
    <message>
        <location filename="../outcome.py"/>
        <source>{share} % of the area came empty from the map server.</source>
        <translation>该区域有 {share} % 从地图服务器收到的是空白。</translation>
    </message>
    <message>
        <location filename="../ask_controller.py"/>
        <source>{text} Tick “{box}”, or choose a smaller extent.</source>
        <translation>{text} 请勾选“{box}”，或选择更小的范围。</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>“{file}” has a layer of this name already.</source>
        <translation>“{file}”已有同名图层。</translation>
    </message>
    <message>
        <location filename="../plan_dialog.py"/>
        <source>“{text}” does not fit here.</source>
        <translation>“{text}”不适合此处。</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>◀ Previous</source>
        <translation>◀ 上一个</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>✔ Accept</source>
        <translation>✔ 接受</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>✘ Reject</source>
        <translation>✘ 拒绝</translation>
    </message>
</context>
</TS>
